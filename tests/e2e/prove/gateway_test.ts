/**
 * The gateway of the built program proves a policy before it takes it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestMachine } from "../support/openshell.ts";
import { policy, rest } from "../support/policies.ts";
import { sandboxSuite } from "../support/suite.ts";

const CLAIMS = `version: 1
claims:
  no-delete: {never: {host: api.example.com, method: DELETE}}
`;

function document(methods: readonly string[]): string {
  const rules = methods.map((method) => ({ allow: { method, path: "/**" } }));
  return policy({ api: { endpoints: [rest("api.example.com", 443, { rules })] } });
}

const NARROW = document(["GET"]);
const WIDE = document(["GET", "DELETE"]);

interface Revision {
  readonly version: number;
  readonly hash: string;
  /** Only where something is claimed. */
  readonly proof?: Readonly<Record<string, unknown>>;
}

sandboxSuite("proofs before a policy is taken", async ({ world: { machine }, step }) => {
  await machine.create("box", { policy: NARROW });

  await step("nothing is asked where nothing is claimed", async () => {
    assert.equal((await machine.setPolicy("box", WIDE)).code, 0);
    assert.equal((await inForce(machine)).proof, undefined);
    assert.equal((await machine.setPolicy("box", NARROW)).code, 0);
  });

  const folder = `${machine.folder}/config/openshell/proof`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/claims.yaml`, CLAIMS);
  await machine.own(`${machine.folder}/config`);

  await step("a policy that breaks a claim is refused, and what ran goes on", async () => {
    const before = await inForce(machine);
    const refused = await machine.setPolicy("box", WIDE);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /claim:no-delete is refuted/);
    assert.match(refused.stderr, /curl -sS -X DELETE .*'https:\/\/api\.example\.com\//);
    assert.match(refused.stderr, /--force/);
    assert.deepEqual(await inForce(machine), before);
    const created = await machine.run([
      ...["sandbox", "create", "--name", "other", "--detach"],
      ...["--policy", await machine.writeFile("wide.yaml", WIDE), "--", "true"],
    ]);
    assert.match(created.stderr, /claim:no-delete is refuted/);
    const { stdout } = await machine.run(["sandbox", "list", "-o", "json"]);
    assert.doesNotMatch(stdout, /other/);
  });

  await step("one that is forced is in force, and recorded", async () => {
    const forced = await machine.setPolicy("box", WIDE, ["--force"]);
    assert.equal(forced.code, 0, forced.stderr);
    assert.match(forced.stderr, /Taken by force: refuted/);
    const { proof = {} } = await inForce(machine);
    assert.deepEqual([proof.verdict, proof.engine, proof.forced], ["refuted", "exact", true]);
    assert.match(await machine.must(["policy", "get", "box"]), /Proof: +refuted, taken by force/);
    const events = JSON.stringify(await machine.events("box"));
    assert.match(events, /policy, by [^"]*, with force: proof/);
    assert.match(events, /policy, by [^"]*: refused/);
  });

  await step("one that holds is proved", async () => {
    const held = await machine.setPolicy("box", NARROW);
    assert.equal(held.code, 0, held.stderr);
    assert.match(held.stderr, /✓ Proved/);
    const { proof = {} } = await inForce(machine);
    assert.deepEqual([proof.verdict, proof.forced], ["proved", false]);
    assert.match(String(proof.documents), /^sha256:/);
  });

  await step("a document that cannot be used refuses every change", async () => {
    await Deno.writeTextFile(`${folder}/claim.yaml`, CLAIMS);
    await machine.own(folder);
    const before = await inForce(machine);
    const refused = await machine.setPolicy("box", document(["HEAD"]));
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /claim\.yaml" means nothing there/);
    assert.deepEqual(await inForce(machine), before);
  });
});

async function inForce(machine: TestMachine): Promise<Revision> {
  const { version, hash, proof } = JSON.parse(
    await machine.must(["policy", "get", "box", "-o", "json"]),
  );
  return { version, hash, proof };
}
