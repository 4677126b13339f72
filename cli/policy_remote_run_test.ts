import assert from "node:assert/strict";
import {
  type FakeGateway,
  fakeGateway,
  type FakeGatewayOptions,
  sampleSandbox,
} from "../gateway/client/fake_gateway.ts";
import type { PolicyRevision } from "../gateway/client/types.ts";
import { PROOF_ANNOTATION } from "../proto/annotations.ts";
import { PROGRAM } from "./commands.ts";
import { type FakeContext, fakeContext, type FakeOptions } from "./fake_context.ts";
import { runProgram } from "./run_program.ts";

const POLICY = "version: 1\n";
const FILES = { "p.yaml": POLICY, "bad.yaml": "version: 9\n" };

const REVISION: PolicyRevision = {
  version: 2,
  hash: "sha256:ab",
  status: "loaded",
  loadError: "",
  createdAtMs: Date.UTC(2026, 10, 24, 9, 30, 5),
  loadedAtMs: 0,
  provenance: {},
  policy: { version: 1 },
  activeVersion: 2,
};

interface Ran {
  readonly code: number;
  readonly context: FakeContext;
  readonly gateway: FakeGateway;
}

async function run(
  line: string,
  options: FakeGatewayOptions = {},
  contextOptions: FakeOptions = {},
): Promise<Ran> {
  const gateway = fakeGateway({ sandboxes: [sampleSandbox()], ...options });
  const context = fakeContext({ gateway, files: FILES, ...contextOptions });
  return { code: await runProgram(PROGRAM, line.split(" "), context), context, gateway };
}

Deno.test("policy set sends a policy that was checked", async () => {
  const { code, context, gateway } = await run("policy set demo --policy p.yaml");
  assert.equal(code, 0);
  assert.deepEqual(gateway.log, ["policy demo", "close"]);
  assert.match(context.err(), /✓ Set revision 2, sha256:ab/);
  const bad = await run("policy set demo --policy bad.yaml");
  assert.equal(bad.code, 2);
  assert.match(bad.context.err(), /bad\.yaml:1/);
  assert.deepEqual(bad.gateway.log, []);
});

Deno.test.each([
  { statuses: ["pending", "pending", "loaded"], code: 0, says: /Revision 2 is in force/ },
  { statuses: ["pending", "failed"], code: 1, says: /Cannot load revision 2: broken/ },
  { statuses: ["superseded"], code: 1, says: /another one has taken its place/ },
  { statuses: ["pending"], code: 124, says: /no answer within 3 seconds/ },
])("policy set --wait after $statuses returns $code", async ({ statuses, code, says }) => {
  const left = [...statuses];
  const getPolicy = () => {
    const status = (left.length > 1 ? left.shift() : left[0]) as PolicyRevision["status"];
    return Promise.resolve({ ...REVISION, status, loadError: "broken" });
  };
  const ran = await run("policy set demo --policy p.yaml --wait --timeout 3", { getPolicy });
  assert.equal(ran.code, code);
  assert.match(ran.context.err(), says);
});

Deno.test("policy set --global asks, or is told by --yes", async () => {
  const yes = await run("policy set --global --yes --policy p.yaml");
  assert.deepEqual([yes.code, yes.gateway.log], [0, ["policy --global", "close"]]);
  const silent = await run("policy set --global --policy p.yaml");
  assert.equal(silent.code, 2);
  assert.match(silent.context.err(), /hint: Write --yes/);
  assert.deepEqual(silent.gateway.log, []);
  for (
    const [answer, code] of [["y\n", 0], ["Yes\n", 0], ["n\n", 2], ["\n", 2], ["", 2]] as const
  ) {
    const terminal = { isTerminal: true, stdin: answer };
    const asked = await run("policy set --global --policy p.yaml", {}, terminal);
    assert.equal(asked.code, code, answer);
    assert.match(asked.context.err(), /\[y\/N\]/);
  }
});

Deno.test("policy get shows what is in force", async () => {
  const json = JSON.parse((await run("policy get demo -o json")).context.out());
  assert.deepEqual(json, {
    scope: "sandbox",
    sandbox: "demo",
    version: 2,
    active_version: 1,
    hash: "sha256:ab",
    status: "pending",
    config_revision: "7",
    policy_source: "sandbox",
    policy: { version: 1 },
  });
  assert.doesNotMatch((await run("policy get demo")).context.out(), /version: 1/);
  const full = (await run("policy get demo --full")).context.out();
  assert.match(full, /^# Sandbox: +demo\n(# .*\n)+\nversion: 1\n$/);
  assert.match((await run("policy get demo --base")).context.out(), /\n\nversion: 1\n$/);
});

Deno.test("policy get --rev shows a revision", async () => {
  const getPolicy = () =>
    Promise.resolve({ ...REVISION, status: "failed" as const, loadError: "no" });
  const { context } = await run("policy get demo --rev 2 --full", { getPolicy });
  assert.match(context.out(), /Status: +failed\n[^]*Error: +no\n\nversion: 1\n$/);
  const json = JSON.parse(
    (await run("policy get demo --rev 2 -o json", { getPolicy })).context.out(),
  );
  assert.equal(json.load_error, "no");
  const all = JSON.parse((await run("policy get --global -o json")).context.out());
  assert.deepEqual([all.scope, all.sandbox], ["global", undefined]);
});

const PROOF = {
  verdict: "refuted",
  engine: "exact",
  solver: null,
  documents: "sha256:cd",
  warnings: ["metadata_reach"],
  forced: true,
};

function provenance(proof: unknown): Record<string, string> {
  return { [PROOF_ANNOTATION]: typeof proof === "string" ? proof : JSON.stringify(proof) };
}

Deno.test.each([
  { proof: PROOF, says: /! Taken by force: refuted\n! Not proved: metadata_reach\n$/ },
  { proof: { ...PROOF, forced: false, verdict: "proved", warnings: [] }, says: /✓ Proved\n$/ },
  { proof: { ...PROOF, verdict: "not_asked" }, says: /✓ Set revision 2, sha256:ab\n$/ },
  { proof: "{", says: /✓ Set revision 2, sha256:ab\n$/ },
  { proof: { verdict: 1 }, says: /✓ Set revision 2, sha256:ab\n$/ },
])("policy set --force says what came of $proof", async ({ proof, says }) => {
  const setPolicy = (_scope: unknown, _policy: string, isForced?: boolean) => {
    assert.equal(isForced, true);
    return Promise.resolve({ version: 2, hash: "sha256:ab", annotations: provenance(proof) });
  };
  const { code, context } = await run("policy set demo --policy p.yaml --force", { setPolicy });
  assert.equal(code, 0);
  assert.match(context.err(), says);
});

Deno.test("policy get shows what came of the proof", async () => {
  const getPolicy = () => Promise.resolve({ ...REVISION, provenance: provenance(PROOF) });
  for (const line of ["policy get demo", "policy get demo --rev 2"]) {
    const { context } = await run(line, { getPolicy });
    assert.match(
      context.out(),
      /Proof: +refuted, taken by force; exact engine; sha256:cd; not proved: metadata_reach\n/,
    );
    const json = JSON.parse((await run(`${line} -o json`, { getPolicy })).context.out());
    assert.deepEqual(json.proof, PROOF);
  }
});

Deno.test("policy list lists revisions", async () => {
  const listPolicies = () => Promise.resolve([{ ...REVISION, loadError: "x\x1b" }]);
  const { context } = await run("policy list demo", { listPolicies });
  assert.match(context.out(), /^VERSION +HASH +STATUS +CREATED +ERROR\n2 +sha256:ab +loaded /);
  assert.match(context.out(), /x\\x1b\n$/);
  const json = JSON.parse((await run("policy list demo -o json", { listPolicies })).context.out());
  assert.equal(json[0].created_at, "2026-11-24 09:30:05");
});

Deno.test("policy delete deletes only the global one", async () => {
  assert.equal((await run("policy delete")).code, 2);
  assert.equal((await run("policy delete --global")).code, 2);
  const { code, context } = await run("policy delete --global --yes");
  assert.deepEqual([code, context.err()], [0, "✓ Deleted the global policy\n"]);
  const deleteGlobalPolicy = () => Promise.resolve(false);
  const none = await run("policy delete --global --yes", { deleteGlobalPolicy });
  assert.match(none.context.err(), /There is no global policy/);
});

Deno.test.each([
  { line: "policy set demo --global --yes --policy p.yaml" },
  { line: "policy set --global --yes --wait --policy p.yaml" },
  { line: "policy set demo" },
  { line: "policy get demo --full --base" },
  { line: "policy list" },
])("$line is refused", async ({ line }) => {
  const { code, gateway } = await run(line);
  assert.equal(code, 2);
  assert.deepEqual(gateway.log.filter((call) => call !== "close"), []);
});
