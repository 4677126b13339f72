import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { requestOf } from "../../tests/conformance/sandbox_fixture.ts";
import { CodedError } from "../../proto/errors.ts";
import type { SandboxSpecSchema } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { checkRequest, resolveWorkspace } from "./check_request.ts";

type Spec = MessageInitShape<typeof SandboxSpecSchema>;

interface Row {
  readonly name: string;
  readonly spec: Spec;
  readonly want: RegExp | null;
}

const MANY = Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`A${index}`, ""]));
const MUCH = Object.fromEntries(
  Array.from({ length: 40 }, (_, index) => [`A${index}`, "x".repeat(8000)]),
);

const ROWS: readonly Row[] = [
  { name: "nothing", spec: {}, want: null },
  { name: "a command", spec: { command: ["sh", "-c", ""] }, want: null },
  { name: "a command without name", spec: { command: [""] }, want: /no name/ },
  { name: "a NUL in a word", spec: { command: ["a", "b\0"] }, want: /NUL/ },
  { name: "many words", spec: { command: Array(257).fill("a") }, want: /more than 256 words/ },
  { name: "a long word", spec: { command: ["a", "x".repeat(262_144)] }, want: /262144 bytes/ },
  { name: "a variable", spec: { environment: { _a1: "x y" } }, want: null },
  { name: "an odd variable", spec: { environment: { "a-b": "" } }, want: /its name/ },
  { name: "a variable of ours", spec: { environment: { OPENSHELL_X: "" } }, want: /reserved/ },
  {
    name: "one of ours in the template",
    spec: { template: { environment: { OPENSHELL_X: "" } } },
    want: /reserved/,
  },
  { name: "a line break in a value", spec: { environment: { A: "secret\n" } }, want: /line break/ },
  { name: "a NUL in a value", spec: { environment: { A: "secret\0" } }, want: /NUL/ },
  { name: "a long value", spec: { environment: { A: "x".repeat(8193) } }, want: /8192 bytes/ },
  { name: "many variables", spec: { environment: MANY }, want: /more than 128 variables/ },
  { name: "much in variables", spec: { environment: MUCH }, want: /262144 bytes/ },
  { name: "an image", spec: { template: { image: "base" } }, want: /an image/ },
  { name: "a GPU", spec: { resourceRequirements: { gpu: {} } }, want: /a GPU/ },
  { name: "a runtime", spec: { template: { runtimeClassName: "x" } }, want: /runtime_class_name/ },
  { name: "a socket", spec: { template: { agentSocket: "x" } }, want: /agent_socket/ },
  { name: "namespaces", spec: { template: { userNamespaces: false } }, want: /user_namespaces/ },
];

for (const { name, spec, want } of ROWS) {
  Deno.test(`checkRequest() judges ${name}`, () => {
    const check = () => checkRequest(requestOf("box", spec));
    if (want === null) return check();
    assert.throws(check, (error) => {
      assert.ok(error instanceof CodedError);
      assert.match(error.message, want);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });
}

Deno.test.each([
  { name: "", ok: true },
  { name: "a", ok: true },
  { name: "nineteen-characters", ok: true },
  { name: "twenty-characters-20", ok: false },
  { name: "a--b", ok: false },
  { name: "-a", ok: false },
  { name: "a-", ok: false },
  { name: "A", ok: false },
  { name: "a.b", ok: false },
  { name: "ä", ok: false },
  { name: "a\n", ok: false },
])("checkRequest() judges the name [$name]", ({ name, ok }) => {
  const check = () => checkRequest(requestOf(name));
  if (ok) check();
  else assert.throws(check, /Cannot use name/);
});

Deno.test("checkRequest() judges labels, annotations and workspace", () => {
  const with_ = (change: object) => () => checkRequest(requestOf("box", {}, change));
  with_({ labels: { "a.b/c": "d" }, annotations: { x: "any text\n" }, workspace: "default" })();
  assert.throws(with_({ labels: { "a/b/c": "" } }), /label "a\/b\/c"/);
  assert.throws(with_({ annotations: { "a b": "" } }), /annotation "a b"/);
  assert.throws(with_({ workspace: "other" }), /Cannot find workspace "other"/);
  assert.equal(resolveWorkspace(""), "default");
});
