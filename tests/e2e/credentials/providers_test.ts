/**
 * Providers with real sandboxes: a program uses a credential that it never has.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import type { TestMachine } from "../support/openshell.ts";
import { CURL, policy, rest } from "../support/policies.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";

/** Found again wherever it should not be. */
const CANARY = `canary-${crypto.randomUUID()}`;
const ROTATED = `canary-${crypto.randomUUID()}`;

const HOST = "api.example.com";

const POLICY = policy({
  bound: {
    endpoints: [
      rest(HOST, 443, { access: "full", credential_binding: { provider: "service" } }),
      rest("other.example.com", 443, { access: "full" }),
    ],
    binaries: [CURL],
  },
});

const WITH_TOKEN = curl(`https://${HOST}/use`, "-H", "authorization: Bearer $SERVICE_TOKEN")
  .replaceAll("'authorization: Bearer $SERVICE_TOKEN'", '"authorization: Bearer $SERVICE_TOKEN"');

async function ask(machine: TestMachine, script: string): Promise<string> {
  const [seen] = await runScripts(machine, "box", [script]);
  return seen!.output;
}

sandboxSuite("providers", async (suite) => {
  const { machine } = suite.world;
  await stepsOfRecords(suite);
  await machine.create("box", { policy: POLICY, flags: ["--provider", "service"] });
  await stepsOfUse(suite);
  await stepsOfChanges(suite);
  await stepsOfProfiles(suite);
  await stepsOfLayers(suite);
  await stepsOfRekey(suite);
  await stepsOfRestarts(suite);
  await stepsOfCanary(suite);
});

async function stepsOfRecords({ world: { machine }, step }: Suite): Promise<void> {
  await step("create takes a value from the environment", async () => {
    const args = ["provider", "create", "--name", "service", "--type", "generic"];
    const made = await machine.run([...args, "--credential", "SERVICE_TOKEN"], {
      env: { SERVICE_TOKEN: CANARY },
    });
    assert.equal(made.code, 0, made.stderr);
    assert.ok(!`${made.stdout}${made.stderr}`.includes(CANARY));
    const [listed] = JSON.parse(await machine.must(["provider", "list", "-o", "json"]));
    assert.deepEqual(listed.credential_keys, ["SERVICE_TOKEN"]);
    const shown = await machine.must(["provider", "get", "service", "-o", "yaml"]);
    assert.match(shown, /credential_keys:\n\s+- SERVICE_TOKEN/);
    assert.ok(!shown.includes(CANARY));
  });

  await step("create refuses a name that is taken, and warns of a typed value", async () => {
    const args = ["provider", "create", "--name", "service", "--type", "generic"];
    const again = await machine.run([...args, "--credential", "SERVICE_TOKEN=typed-value"]);
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /one of this name exists/);
    assert.match(again.stderr, /SERVICE_TOKEN is in the history/);
    assert.ok(!again.stderr.includes("typed-value"));
  });

  await step("a sandbox with a provider that is not there is not made", async () => {
    const refused = await machine.run(["sandbox", "create", "--detach", "--provider", "nobody"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /"nobody": there is none/);
  });
}

async function stepsOfUse({ world, step }: Suite): Promise<void> {
  const { machine, origins } = world;
  await step("a program has a placeholder", async () => {
    const seen = await ask(machine, "echo $SERVICE_TOKEN");
    assert.match(seen, /^openshell:resolve:env:SERVICE_TOKEN$/m);
  });

  await step("the origin gets the value", async () => {
    assert.match(await ask(machine, WITH_TOKEN), /status 200/);
    assert.ok(await origins.received(`Bearer ${CANARY}`));
  });

  await step("another host does not", async () => {
    await origins.clear();
    const elsewhere = WITH_TOKEN.replace(HOST, "other.example.com");
    assert.match(await ask(machine, elsewhere), /credential_endpoint_mismatch[^]*status 403/);
    assert.ok(!await origins.received(CANARY));
    assert.ok(!await origins.received("openshell:resolve"));
  });
}

async function stepsOfChanges({ world, step }: Suite): Promise<void> {
  const { machine, origins } = world;
  await step("delete is refused while a sandbox has it", async () => {
    const refused = await machine.run(["provider", "delete", "service"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /sandbox "box" has it/);
  });

  await step("another value is in force for programs that run already", async () => {
    const args = ["provider", "update", "service", "--credential", "SERVICE_TOKEN"];
    await machine.must(args, { env: { SERVICE_TOKEN: ROTATED } });
    await waitFor("the new value", async () => {
      await ask(machine, WITH_TOKEN);
      return await origins.received(`Bearer ${ROTATED}`);
    });
  });

  await step("what is detached is gone at once, and may come back", async () => {
    await machine.must(["sandbox", "provider", "detach", "box", "service"]);
    const script = WITH_TOKEN.replaceAll("$SERVICE_TOKEN", "openshell:resolve:env:SERVICE_TOKEN");
    await waitFor("the revocation", async () => {
      await origins.clear();
      await ask(machine, script);
      return !await origins.received(ROTATED);
    });
    assert.match(await ask(machine, 'echo "<$SERVICE_TOKEN>"'), /<>/);
    const listed = JSON.parse(
      await machine.must(["sandbox", "provider", "list", "box", "-o", "json"]),
    );
    assert.deepEqual(listed, []);
    await machine.must(["sandbox", "provider", "attach", "box", "service"]);
    await waitFor("the value", async () => {
      await ask(machine, WITH_TOKEN);
      return await origins.received(`Bearer ${ROTATED}`);
    });
  });
}

const PROFILE = `id: acme-tickets
display_name: Acme tickets
category: knowledge
credentials:
  - { name: key, env_vars: [ACME_KEY], auth_style: header, header_name: x-acme-key }
endpoints:
  - { host: full.example.com, port: 443, path: /tickets/**, protocol: rest, access: read-only }
binaries: [${CURL}]
`;

/** Asks for a ticket, with the key. */
function ticket(path: string): string {
  return curl(`https://full.example.com${path}`, "-H", "x-acme-key: KEY")
    .replaceAll("'x-acme-key: KEY'", '"x-acme-key: $ACME_KEY"');
}

async function stepsOfProfiles({ world: { machine }, step }: Suite): Promise<void> {
  await step("a profile that is wrong is told with its lines, and is not imported", async () => {
    const file = await machine.writeFile(
      "wrong.yaml",
      PROFILE.replace("acme-tickets", "github").replace("x-acme-key }", '"x y" }'),
    );
    const linted = await machine.run(["provider", "profile", "lint", "-f", file]);
    assert.equal(linted.code, 1);
    assert.match(linted.stderr, /header_name is no name of a header/);
    assert.match(linted.stderr, /:5:/);
    assert.equal((await machine.run(["provider", "profile", "import", "-f", file])).code, 1);
  });

  await step("a profile of one's own is a type", async () => {
    const file = await machine.writeFile("acme.yaml", PROFILE);
    await machine.must(["provider", "profile", "import", "-f", file]);
    const again = await machine.run(["provider", "profile", "import", "-f", file]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /there already/);
    const listed = await machine.must(["provider", "list-profiles"]);
    assert.match(listed, /knowledge +acme-tickets +workspace +user/);
    assert.match(listed, /source_control +github +platform +builtin/);
    const args = ["provider", "create", "--name", "acme", "--type", "acme-tickets"];
    await machine.must([...args, "--credential", "ACME_KEY"], { env: { ACME_KEY: CANARY } });
    const refused = await machine.run(["provider", "profile", "delete", "acme-tickets"]);
    assert.match(refused.stderr, /provider "acme" is of this type/);
    const text = await machine.must(["provider", "profile", "export", "acme-tickets"]);
    assert.match(text, /resource_version: 1/);
    const edited = text.replace("Acme tickets", "Tickets of Acme");
    const update = await machine.writeFile("acme-2.yaml", edited);
    const changed = ["provider", "profile", "update", "acme-tickets", "-f", update];
    await machine.must(changed);
    assert.notEqual((await machine.run(changed)).code, 0, "the version is not current any more");
  });
}

async function stepsOfLayers({ world, step }: Suite): Promise<void> {
  const { machine, origins } = world;
  await step("a provider reaches nothing that the policy does not allow", async () => {
    await machine.must(["sandbox", "provider", "attach", "box", "acme"]);
    assert.match(await ask(machine, ticket("/tickets/1")), /connect 403/);
  });

  await step("but where the setting lets it add its hosts, and those alone", async () => {
    const setting = ["box", "--key", "providers_v2_enabled"];
    await machine.must(["settings", "set", ...setting, "--value", "true"]);
    await origins.clear();
    await waitFor(
      "the layer",
      async () => /status 200/.test(await ask(machine, ticket("/tickets/1"))),
    );
    assert.ok(await origins.received(`x-acme-key: ${CANARY}`));
    assert.match(await machine.must(["policy", "get", "box", "--full"]), /_provider_acme/);
    const own = await machine.must(["policy", "get", "box", "--rev", "1", "--full"]);
    assert.ok(!own.includes("_provider_acme"));
    assert.match(await ask(machine, ticket("/users/1")), /status 403/);
    await machine.must(["settings", "delete", ...setting]);
    await waitFor(
      "its end",
      async () => /connect 403/.test(await ask(machine, ticket("/tickets/1"))),
    );
  });
}

async function stepsOfRekey({ world: { machine, origins }, step }: Suite): Promise<void> {
  await step("another key encrypts the same credentials", async () => {
    const before = await readTree(machine.folder, "credentials.key");
    await machine.must(["provider", "rekey"]);
    assert.notDeepEqual(await readTree(machine.folder, "credentials.key"), before);
    await origins.clear();
    await machine.must(["sandbox", "provider", "detach", "box", "acme"]);
    await waitFor("the value", async () => {
      await ask(machine, WITH_TOKEN);
      return await origins.received(`Bearer ${ROTATED}`);
    });
  });
}

async function stepsOfRestarts({ world: { machine, origins }, step }: Suite): Promise<void> {
  const hasValue = async () => {
    await ask(machine, WITH_TOKEN);
    return await origins.received(`Bearer ${ROTATED}`);
  };

  await step("a gateway that was killed gives the same credentials", async () => {
    await machine.killGateway();
    await machine.startGateway();
    await machine.waitForPhase("box", "Ready");
    await origins.clear();
    await waitFor("the value", hasValue, 60_000);
  });

  await step("and so does a sandbox that was stopped and started", async () => {
    await machine.must(["sandbox", "stop", "box"]);
    await machine.must(["sandbox", "start", "box"]);
    await origins.clear();
    await waitFor("the value", hasValue, 60_000);
  });
}

async function stepsOfCanary({ world: { machine }, step }: Suite): Promise<void> {
  await step("no value is in a process of the sandbox", async () => {
    const environ = await ask(machine, "cat /proc/[0-9]*/environ | tr '\\0' '\\n'");
    assert.match(environ, /SERVICE_TOKEN=openshell:resolve/);
    assert.ok(!environ.includes(CANARY) && !environ.includes(ROTATED));
  });

  await step("no value is in the memory of its programs", async () => {
    const pids = await sandboxProcesses();
    assert.ok(pids.length > 0);
    for (const pid of pids) {
      const found = await searchMemory(pid, [
        CANARY,
        ROTATED,
        "openshell:resolve:env:SERVICE_TOKEN",
      ]);
      assert.deepEqual(found.slice(0, 2), [false, false], `process ${pid}`);
      assert.equal(found[2], true, "the search finds what is there");
    }
  });

  await step("no value is in a file: not of the store, the events, nor the logs", async () => {
    await machine.events("box");
    const files = await readTree(machine.folder);
    assert.ok([...files.keys()].some((path) => path.endsWith("openshell.db")));
    assert.ok([...files.keys()].some((path) => path.endsWith("gateway/events/gateway.jsonl")));
    for (const [path, text] of files) {
      assert.ok(!text.includes(CANARY) && !text.includes(ROTATED), path);
    }
  });

  await step("every change is in the record", async () => {
    const files = await readTree(machine.folder, "gateway.jsonl");
    const all = [...files.values()].join("");
    assert.match(all, /provider service of type generic with SERVICE_TOKEN, by /);
    assert.match(all, /provider service: SERVICE_TOKEN set or removed, by /);
    assert.match(all, /provider service detached by /);
    assert.match(all, /the keys of \d credentials, by /);
  });
}

/** Processes of the machine whose environment has the placeholder. */
async function sandboxProcesses(): Promise<readonly number[]> {
  const pids: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // Others come and go while this looks.
    const environ = await Deno.readTextFile(`/proc/${name}/environ`).catch(() => "");
    if (environ.includes("SERVICE_TOKEN=openshell:resolve")) pids.push(Number(name));
  }
  return pids;
}

/** Says of each text whether a process has it in memory that it can write to. */
async function searchMemory(pid: number, texts: readonly string[]): Promise<boolean[]> {
  const found = texts.map(() => false);
  const maps = await Deno.readTextFile(`/proc/${pid}/maps`).catch(() => "");
  using memory = await Deno.open(`/proc/${pid}/mem`);
  for (const [, from = "", to = ""] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)) {
    const start = parseInt(from, 16);
    const bytes = new Uint8Array(parseInt(to, 16) - start);
    await memory.seek(start, Deno.SeekMode.Start);
    const read = await memory.read(bytes).catch(() => 0) ?? 0;
    const text = new TextDecoder("latin1").decode(bytes.subarray(0, read));
    for (const [index, wanted] of texts.entries()) found[index] ||= text.includes(wanted);
  }
  return found;
}

/** Returns what is in files below a folder, by path, as Latin-1 so that nothing is lost. */
async function readTree(folder: string, named = ""): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      for (const [below, text] of await readTree(path, named)) files.set(below, text);
    } else if (entry.isFile && path.endsWith(named)) {
      files.set(path, new TextDecoder("latin1").decode(await Deno.readFile(path)));
    }
  }
  return files;
}
