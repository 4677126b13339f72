import assert from "node:assert/strict";
import { authenticate } from "./authenticate.ts";
import { UnauthenticatedError } from "./principal.ts";

const USER = { commonName: "ada", units: ["openshell-user"] };
const SUPERVISOR = { commonName: "openshell-supervisor", units: ["openshell-supervisor"] };

const PORTS = {
  verifyToken: (token: string) =>
    token === "bad" ? Promise.reject(new UnauthenticatedError("bad")) : Promise.resolve(token),
  sandboxExists: (id: string) => Promise.resolve(id === "s"),
};

Deno.test.each([
  { name: "a user", certificate: USER, authorization: null, want: "user" },
  { name: "a supervisor alone", certificate: SUPERVISOR, authorization: null, want: "anonymous" },
  {
    name: "a supervisor's token",
    certificate: SUPERVISOR,
    authorization: "Bearer s",
    want: "sandbox",
  },
  { name: "a token before a user", certificate: USER, authorization: "bearer s", want: "sandbox" },
  { name: "nobody", certificate: null, authorization: null, want: "anonymous" },
  { name: "a bad token", certificate: USER, authorization: "Bearer bad", want: null },
  { name: "a gone sandbox", certificate: USER, authorization: "Bearer t", want: null },
  { name: "no bearer", certificate: USER, authorization: "Basic s", want: null },
  { name: "an empty header", certificate: USER, authorization: "", want: null },
])("authenticate() judges $name", async ({ certificate, authorization, want }) => {
  const principal = authenticate({ certificate, authorization }, PORTS);
  if (want === null) await assert.rejects(principal, UnauthenticatedError);
  else assert.equal((await principal).kind, want);
});
