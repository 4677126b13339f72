/**
 * What providers would add to policies is checked and proved before it can be in force.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestMachine } from "../support/openshell.ts";
import { CURL, policy, rest } from "../support/policies.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";

const OWN = policy({ own: { endpoints: [rest("api.example.com", 443, { access: "full" })] } });

const CEILING = policy({
  own: { endpoints: [rest("api.example.com", 443, { access: "full" })] },
  more: { endpoints: [rest("full.example.com", 443, { access: "read-only" })] },
});

const SETTING = ["--key", "providers_v2_enabled"];

function profile(host: string, access: string, version = 0): string {
  return `id: acme
resource_version: ${version}
display_name: Acme
category: knowledge
credentials:
  - { name: key, env_vars: [ACME_KEY], auth_style: bearer }
endpoints:
  - { host: ${host}, port: 443, protocol: rest, enforcement: enforce, access: ${access} }
binaries: [${CURL}]
`;
}

sandboxSuite("layers are checked first", async (suite) => {
  const { machine } = suite.world;
  const file = await machine.writeFile("acme.yaml", profile("full.example.com", "read-only"));
  await machine.must(["provider", "profile", "import", "-f", file]);
  const args = ["provider", "create", "--name", "acme", "--type", "acme"];
  await machine.must([...args, "--credential", "ACME_KEY"], { env: { ACME_KEY: "a-key" } });
  const folder = `${machine.folder}/config/openshell/proof`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/ceiling.yaml`, CEILING);
  await machine.own(`${machine.folder}/config`);
  await machine.create("box", { policy: OWN });
  await stepsOfProfiles(suite);
  await stepsOfPolicies(suite);
}, { alsoRootless: false });

async function stepsOfProfiles({ world: { machine }, step }: Suite): Promise<void> {
  await step("a layer within the ceiling is in force", async () => {
    await machine.must(["settings", "set", "box", ...SETTING, "--value", "true"]);
    await machine.must(["sandbox", "provider", "attach", "box", "acme"]);
    assert.match(await shown(machine), /_provider_acme/);
  });

  await step("a profile beyond it is refused, and changes nothing", async () => {
    const before = await shown(machine);
    const wide = await machine.writeFile("wide.yaml", profile("full.example.com", "full", 1));
    const refused = await machine.run(["provider", "profile", "update", "acme", "-f", wide]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /in sandbox "box", .*within_ceiling is refuted/);
    assert.equal(await shown(machine), before);
    const kept = await machine.must(["provider", "profile", "export", "acme"]);
    assert.match(kept, /access: read-only/);
  });

  await step("so is the setting for all, of whom one would be beyond it", async () => {
    await machine.must(["settings", "delete", "box", ...SETTING]);
    const wide = await machine.writeFile("wide.yaml", profile("full.example.com", "full", 1));
    await machine.must(["provider", "profile", "update", "acme", "-f", wide]);
    const turn = ["settings", "set", "--global", "--yes", ...SETTING, "--value", "true"];
    const refused = await machine.run(turn);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /providers_v2_enabled: in sandbox "box", .*within_ceiling/);
    assert.doesNotMatch(await machine.must(["settings", "get", "--global"]), /true/);
    assert.doesNotMatch(await shown(machine), /_provider_acme/);
    await machine.must(["sandbox", "provider", "detach", "box", "acme"]);
    await machine.must(turn);
    const attach = await machine.run(["sandbox", "provider", "attach", "box", "acme"]);
    assert.notEqual(attach.code, 0);
    assert.match(attach.stderr, /within_ceiling is refuted/);
  });
}

async function stepsOfPolicies({ world: { machine }, step }: Suite): Promise<void> {
  await step("a program that starts at once has what its provider adds", async () => {
    const narrow = await machine.writeFile(
      "narrow.yaml",
      profile("full.example.com", "read-only", 2),
    );
    await machine.must(["provider", "profile", "update", "acme", "-f", narrow]);
    const own = await machine.writeFile("own.yaml", OWN);
    const flags = ["--policy", own, "--provider", "acme", "--no-keep"];
    for (let index = 0; index < 3; index++) {
      const args = [...flags, "--", CURL, "-sS", "-o", "/dev/null", "https://full.example.com/now"];
      await machine.must(["sandbox", "create", "--name", `once-${index}`, ...args]);
    }
  });

  await step(
    "a policy that is proved, but not with what its provider adds, is refused",
    async () => {
      await machine.must(["sandbox", "provider", "attach", "box", "acme"]);
      const claims = "version: 1\nclaims:\n  none: {never: {host: full.example.com}}\n";
      const folder = `${machine.folder}/config/openshell/proof`;
      await Deno.writeTextFile(`${folder}/claims.yaml`, claims);
      const other = policy({
        own: { endpoints: [rest("api.example.com", 443, { access: "read-only" })] },
      });
      const refused = await machine.setPolicy("box", other);
      assert.notEqual(refused.code, 0);
      assert.match(
        refused.stderr,
        /Cannot use the policy: in sandbox "box".*claim:none is refuted/,
      );
      assert.equal((await machine.setPolicy("box", other, ["--force"])).code, 0);
    },
  );

  await step("what nobody reads does not go to a host of a credential", async () => {
    const unread = policy({ own: { endpoints: [{ host: "full.example.com", port: 443 }] } });
    const refused = await machine.setPolicy("box", unread, ["--force"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /unread, and credentials of provider "acme" belong there/);
  });
}

async function shown(machine: TestMachine): Promise<string> {
  return await machine.must(["policy", "get", "box", "--full"]);
}
