import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "./default_policy.ts";
import {
  canonicalJson,
  checkDocument,
  documentFromWire,
  documentToWire,
  findStaticChanges,
  InvalidPolicyError,
  withStaticSections,
} from "./policy_document.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const POLICY = `version: 1
filesystem_policy: {include_workdir: true, read_only: [/usr, /lib], read_write: [/tmp]}
landlock: {compatibility: hard_requirement}
network_policies:
  docs: {endpoints: [{host: docs.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}
`;

Deno.test("checkDocument() accepts the default policy", () => {
  const { policy } = checkDocument(bytes(DEFAULT_POLICY));
  assert.equal(policy.landlock.compatibility, "hard_requirement");
  assert.deepEqual(policy.rules, []);
});

Deno.test("checkDocument() names what a policy says, not how it is written", () => {
  const { hash } = checkDocument(bytes(POLICY));
  assert.match(hash, /^sha256:[0-9a-f]{64}$/);
  const spaced = POLICY.replace("network_policies:", "# the network\nnetwork_policies:");
  assert.equal(checkDocument(bytes(spaced)).hash, hash);
  assert.notEqual(checkDocument(bytes(POLICY.replace("443", "444"))).hash, hash);
});

Deno.test("checkDocument() says what is wrong, and where", () => {
  const wrong = POLICY.replace("port: 443", "port: 0").replace("landlock:", "landlok:");
  assert.throws(() => checkDocument(bytes(wrong)), (error) => {
    assert.ok(error instanceof InvalidPolicyError);
    assert.match(error.message, /^Cannot use the policy: it has 2 errors\n/);
    assert.match(error.message, /policy:3:1: error\[unknown_key\]/);
    assert.match(error.message, /policy:5:\d+: error\[\w+\]/);
    return true;
  });
});

Deno.test("documentToWire() and back keeps what a policy says", () => {
  const back = documentFromWire(documentToWire(POLICY));
  assert.equal(checkDocument(back).hash, checkDocument(bytes(POLICY)).hash);
});

Deno.test.each([
  { name: "nothing", from: "443", to: "444", want: [] },
  { name: "an order", from: "/usr, /lib", to: "/lib, /usr", want: [] },
  { name: "a path", from: "/usr, /lib", to: "/usr", want: ["filesystem_policy"] },
  { name: "Landlock", from: "hard_requirement", to: "best_effort", want: ["landlock"] },
  {
    name: "the identity",
    from: "network_policies:",
    to: "process: {run_as_user: sandbox}\nnetwork_policies:",
    want: ["process"],
  },
])("findStaticChanges() sees that $name changed", ({ from, to, want }) => {
  const after = checkDocument(bytes(POLICY.replace(from, to))).policy;
  assert.deepEqual(findStaticChanges(POLICY, after), want);
});

Deno.test("canonicalJson() sorts keys, and leaves lists alone", () => {
  assert.equal(
    canonicalJson({ b: [2, { d: 1, c: null }], a: "x" }),
    '{"a":"x","b":[2,{"c":null,"d":1}]}',
  );
});

Deno.test("withStaticSections() takes what a document leaves out from the one before", () => {
  const network = "version: 1\nnetwork_policies: {}\n";
  const after = checkDocument(withStaticSections(bytes(network), POLICY)).policy;
  assert.deepEqual(findStaticChanges(POLICY, after), []);
  assert.deepEqual(after.rules, []);
});

Deno.test.each([
  {
    name: "a section that is written",
    text: "version: 1\nlandlock: {compatibility: best_effort}\n",
  },
  { name: "a document that cannot be read", text: "version: [1\n" },
  { name: "a document that is no map", text: "- 1\n" },
])("withStaticSections() does not touch $name", ({ text }) => {
  const before = "version: 1\nlandlock: {compatibility: hard_requirement}\n";
  const after = new TextDecoder().decode(withStaticSections(bytes(text), before));
  assert.equal(after, text);
});
