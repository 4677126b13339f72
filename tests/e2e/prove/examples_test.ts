/**
 * The examples, proved by the built program, and a widened copy of each: what refutes it is sent
 * through a real sandbox, which lets it pass, and under the example itself refuses it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import type { TestMachine } from "../support/openshell.ts";
import { CURL, policy } from "../support/policies.ts";
import { runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";

const EXAMPLES = new URL("../../../examples/", import.meta.url);

const NAMES = [...Deno.readDirSync(EXAMPLES)]
  .map(({ name }) => name)
  .filter((name) => name.endsWith(".yaml"))
  .sort();

/** Hosts that the test's internet has, for those of an example in their order. */
const HOSTS = ["api", "copy", "full", "keep", "mismatch", "readonly"]
  .map((name) => `${name}.example.com`);

type Document = Record<string, unknown>;

interface Endpoint extends Document {
  host: string;
  port?: number;
  protocol?: string;
  path?: string;
  access?: string;
  rules?: unknown[];
}

type Rules = Record<string, { endpoints: Endpoint[]; binaries: readonly Document[] }>;

/** Returns the rules of an example with hosts and a program that the test has. */
async function rulesOf(file: string): Promise<Rules> {
  const rules: Rules = parse(await Deno.readTextFile(new URL(file, EXAMPLES)), { merge: true })
    .network_policies;
  const names = new Map<string, string>();
  for (const rule of Object.values(rules)) {
    for (const endpoint of rule.endpoints) {
      const name = names.get(endpoint.host) ?? HOSTS[names.size];
      assert.ok(name !== undefined, `${file} has more hosts than this test`);
      names.set(endpoint.host, name);
      endpoint.host = name;
      delete endpoint.allowed_ips;
    }
    rule.binaries = [{ path: CURL }];
  }
  return structuredClone(rules);
}

/** Widens the first endpoint by one request that the example does not allow. */
function widen(rules: Rules, file: string): Rules {
  const wider = structuredClone(rules);
  const [endpoint] = Object.values(wider)[0]!.endpoints;
  const rule = breach(endpoint!, file);
  if (rule === null) {
    endpoint!.port = 443;
  } else {
    assert.ok(endpoint!.access === undefined, `${file} names a preset`);
    endpoint!.rules = [...endpoint!.rules ?? [], { allow: rule }];
  }
  return wider;
}

function breach({ protocol, path = "/@*" }: Endpoint, file: string): Document | null {
  const name = file.replaceAll(/[^a-z]/g, "_");
  switch (protocol) {
    case "tcp":
      return null;
    case "mcp":
      return { method: "tools/call", tool: `breach_${name}` };
    default:
      return { method: "DELETE", path: path.replace(/\*+$/, `breach_${name}`) };
  }
}

function documentOf(rules: Rules): string {
  return stringify({ ...parse(policy({})), network_policies: rules }, {
    aliasDuplicateObjects: false,
  });
}

interface Finding {
  readonly curl: string;
  readonly line: number;
  readonly witness: { readonly method: string; readonly target: { readonly host: string } };
  readonly replay: readonly { readonly role: string; readonly verdict: string }[];
}

sandboxSuite("proofs of the examples", async (suite) => {
  const { world: { machine }, step } = suite;
  // Who asks makes no difference to a proof, only to the sandbox.
  for (const name of suite.isRootless ? [] : NAMES) {
    await step(`${name} is proved with its claims, by both engines`, async () => {
      const args = await copyWithProofs(machine, name);
      const proof = JSON.parse(await machine.must(["policy", "prove", ...args, "-o", "json"]));
      assert.equal(proof.verdict, "proved");
      assert.match(proof.solver, /^z3 /);
    });
  }
  await machine.create("web", { policy: documentOf({}) });
  for (const name of NAMES) {
    await step(`${name}, widened, is refuted as a sandbox shows`, () => showBreach(suite, name));
  }
});

/** Writes an example, and what is claimed about it; returns the arguments of a proof. */
async function copyWithProofs(machine: TestMachine, name: string): Promise<readonly string[]> {
  const text = await Deno.readTextFile(new URL(name, EXAMPLES));
  const args = [await machine.writeFile(name, text)];
  for (const kind of ["claims", "providers"]) {
    const beside = name.replace(/\.yaml$/, `.${kind}.yaml`);
    const proofs = [...Deno.readDirSync(new URL("proofs/", EXAMPLES))];
    if (!proofs.some((file) => file.name === beside)) continue;
    const content = await Deno.readTextFile(new URL(`proofs/${beside}`, EXAMPLES));
    args.push(`--${kind}`, await machine.writeFile(beside, content));
  }
  return args;
}

async function showBreach({ world: { machine } }: Suite, name: string): Promise<void> {
  const rules = await rulesOf(name);
  const ceiling = documentOf(rules);
  const wider = documentOf(widen(rules, name));
  const policyFile = await machine.writeFile(`wider-${name}`, wider);
  const ceilingFile = await machine.writeFile(`ceiling-${name}`, ceiling);
  const args = ["policy", "prove", policyFile, "--ceiling", ceilingFile, "-o", "json"];
  const { code, stdout, stderr } = await machine.run(args);
  assert.equal(code, 1, stdout + stderr);
  const { answers } = JSON.parse(stdout);
  const answer = answers.find(({ question }: { question: string }) =>
    question === "within_ceiling"
  );
  assert.equal(answer.status, "refuted");
  assert.equal(answer.confirmed, true);
  const [{ curl, replay, line }]: [Finding] = answer.findings;
  assert.ok(line > 1);
  assert.deepEqual(replay.map(({ role, verdict }) => [role, verdict]), [
    ["policy", "allow"],
    ["ceiling", "deny"],
  ]);
  const script = `${curl} -k -m 15 -w 'status %{http_code} connect %{http_connect}'`;
  // A sandbox does not read RPC messages yet: it refuses all of them, whatever the policy says.
  const isRead = answer.findings[0].witness.rpc === null;
  const passes = isRead ? /status 200 / : /"reason":"rpc_invalid"/;
  for (const [document, shows] of [[wider, passes], [ceiling, /403/]] as const) {
    const set = await machine.setPolicy("web", document);
    assert.equal(set.code, 0, set.stderr);
    const [seen] = await runScripts(machine, "web", [script]);
    assert.match(seen!.output, shows, `${curl}\n${seen!.output}\n${document}`);
  }
}
