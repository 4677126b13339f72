import assert from "node:assert/strict";
import { userOf } from "./principal.ts";

Deno.test.each([
  { name: "a person", certificate: { commonName: "ada", units: ["openshell-user"] }, want: "user" },
  {
    name: "a supervisor",
    certificate: { commonName: "openshell-client", units: ["openshell-supervisor"] },
    want: "anonymous",
  },
  { name: "no certificate", certificate: null, want: "anonymous" },
  { name: "no unit", certificate: { commonName: "ada", units: [] }, want: "anonymous" },
  {
    name: "two units",
    certificate: { commonName: "ada", units: ["openshell-user", "openshell-supervisor"] },
    want: "anonymous",
  },
  {
    name: "no name",
    certificate: { commonName: "", units: ["openshell-user"] },
    want: "anonymous",
  },
])("userOf() takes $name for $want", ({ certificate, want }) => {
  assert.equal(userOf(certificate).kind, want);
});
