/**
 * What hangs or lies around the product: name servers, origins, a gateway that is away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { RESOLVES_HANGING_OF_HOST_MAX } from "../../../proto/egress_limits.ts";
import { waitFor } from "../support/commands.ts";
import { readDecision } from "../support/events.ts";
import { Origins } from "../support/origins.ts";
import { ANYONE, policy, rest } from "../support/policies.ts";
import { curl, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";
import { ADDRESSES } from "../support/world.ts";
import { HOST, RECOVERY_MS_MAX } from "./support/ledger.ts";
import { killGateway } from "./support/processes.ts";

const SANDBOX = "hangs";

/** For two hosts: more than there are places for lookups. */
const HANGING_REQUESTS = 48;

/** Longest that a gateway is away: minutes in a long run. */
const AWAY_MS = Number(Deno.env.get("OPENSHELL_FAULT_AWAY_MS") ?? 4_000);

const NAMES = ["hang-1", "hang-2", "garbage-1", "loop-1", "good-1"];

const POLICY = policy({
  hangs: {
    endpoints: [
      rest(HOST, 443, { access: "read-only" }),
      ...NAMES.map((name) => rest(`${name}.example.org`, 80, { access: "read-only" })),
      rest("bench.example.com", 80, { access: "read-only" }),
      rest("bench.example.com", 443, { access: "read-only" }),
    ],
    binaries: ANYONE,
  },
});
const CLOSED = policy({ none: { endpoints: [rest("gone.example.com", 443, { access: "full" })] } });

sandboxSuite("what hangs and lies", async (suite) => {
  await suite.world.machine.create(SANDBOX, { policy: POLICY });
  await stepsOfNames(suite);
  await stepsOfOrigins(suite);
  await stepsOfGateway(suite);
}, { alsoRootless: false });

/** A request that has nothing to do with what hangs. */
async function assertOthersGoOn({ world }: Suite): Promise<void> {
  const [seen] = await runScripts(world.machine, SANDBOX, [curl(`https://${HOST}/other`)]);
  assert.match(seen!.output, /status 200/);
}

/** Numbers of refusals by their reason, for a person to read. */
async function reasonsOf({ world }: Suite): Promise<string> {
  const counts: Record<string, number> = {};
  for (const event of await world.machine.events(SANDBOX)) {
    const reason = /reason[^a-z]+([a-z_]+)/.exec(JSON.stringify(event))?.[1] ?? "none";
    counts[reason] = (counts[reason] ?? 0) + Number(event.count ?? 1);
  }
  return JSON.stringify(counts);
}

/** Among so many, a caller may be gone before it is known; it is refused as well. */
async function assertRefused(suite: Suite, stdout: string): Promise<void> {
  const codes = [...new Set(stdout.trim().split("\n"))];
  const isRefused = codes.includes("502") && codes.every((code) => /^(502|403)$/.test(code));
  if (!isRefused) assert.fail(`${codes} ${await reasonsOf(suite)}`);
}

async function stepsOfNames(suite: Suite): Promise<void> {
  const { world, step } = suite;
  const { machine } = world;
  const script = new URL("./support/dns_server.ts", import.meta.url).pathname;
  const deno = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--unstable-net",
    "--allow-all",
  ];
  const [program = "", ...args] = world.pair.onInternet([...deno, script, ADDRESSES.bench, "53"]);
  const server = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
  const reader = server.stdout.getReader();
  await reader.read();
  // In place, since the file is mounted: the machine's programs see it change.
  await Deno.writeTextFile(
    `${world.folder}/resolv.conf`,
    `nameserver ${ADDRESSES.bench}\noptions attempts:5 timeout:30\n`,
  );
  try {
    const hang = (count: number) => {
      const format = "-o /dev/null -w '%{http_code}\\n'";
      const asks = Array.from(
        { length: count },
        (_, number) => `curl -sS -m 40 ${format} http://hang-${1 + number % 2}.example.org/ &`,
      );
      const script = `${asks.join("\n")}\nwait`;
      return machine.exec(SANDBOX, script, { timeoutMs: RECOVERY_MS_MAX });
    };
    await step("lookups that hang hold up nothing else, and are refused in the end", async () => {
      const hanging = hang(8);
      await assertOthersGoOn(suite);
      const { stdout } = await hanging;
      assert.deepEqual([...new Set(stdout.trim().split("\n"))], ["502"], stdout);
    });

    await step(
      "more lookups than places are refused, and hold up nothing else either",
      async () => {
        for (let round = 0; round < RESOLVES_HANGING_OF_HOST_MAX; round++) {
          const hanging = hang(HANGING_REQUESTS);
          await assertOthersGoOn(suite);
          const { stdout } = await hanging;
          await assertRefused(suite, stdout);
        }
        await assertOthersGoOn(suite);
      },
    );

    await step("a name server that lies opens nothing", async () => {
      const seen = await runScripts(machine, SANDBOX, [
        curl("http://garbage-1.example.org/", "-m", "30"),
        curl("http://loop-1.example.org/"),
        curl("http://good-1.example.org/good"),
      ]);
      assert.doesNotMatch(seen[0]!.output, /status 200/);
      assert.match(seen[1]!.output, /status 403/);
      assert.deepEqual(await world.loopback.recordings(), []);
    });
  } finally {
    await server.stdin.close();
    await reader.cancel();
    await server.status;
  }
}

async function stepsOfOrigins(suite: Suite): Promise<void> {
  const { world, step } = suite;
  await step("an origin that never answers is given up, and holds up nothing else", async () => {
    const specs = [80, 443].map((port) => {
      return { name: `silent-${port}`, address: ADDRESSES.bench, port, kind: "silent" as const };
    });
    await using _silent = await Origins.start(specs, (line) => world.pair.onInternet(line));
    const asks = Array.from(
      { length: 20 },
      (_, number) =>
        `curl -sS -m 30 -o /dev/null -w '%{http_code}\\n' https://bench.example.com/${number} &`,
    );
    const hanging = world.machine.exec(SANDBOX, `${asks.join("\n")}\nwait`, {
      timeoutMs: RECOVERY_MS_MAX,
    });
    await assertOthersGoOn(suite);
    const { stdout } = await hanging;
    assert.doesNotMatch(stdout, /200/);
    await assertOthersGoOn(suite);
  });
}

async function stepsOfGateway(suite: Suite): Promise<void> {
  const { world: { machine, origins }, step } = suite;
  const folder = await machine.sandboxFolder(SANDBOX);
  const asked = async () => {
    const log = await Deno.readTextFile(`${folder}/events.jsonl`);
    const decisions = log.trimEnd().split("\n").map((line) => readDecision(JSON.parse(line)));
    return decisions.filter((each) => each?.path?.startsWith("/away")).length;
  };

  await step(
    "without a gateway the policy holds, and the record comes in order later",
    async () => {
      const loop = `i=0; while [ $i -lt 600 ]; do i=$((i+1)); ` +
        `curl -sS -m 5 https://${HOST}/away-$i; curl -sS -m 5 -d x https://${HOST}/away-no; ` +
        "sleep 0.1; done >/dev/null 2>&1";
      // It outlives the person who started it, as a service of the agent's would.
      await machine.exec(SANDBOX, `setsid sh -c '${loop}' >/dev/null 2>&1 </dev/null &`);
      await waitFor("the first request", async () => await asked() > 0, RECOVERY_MS_MAX);
      await killGateway(machine);
      const before = await asked();
      await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
      await waitFor("requests without a gateway", async () => await asked() > before);
      assert.ok(!await origins.received("/away-no"));
      const events = await machine.events(SANDBOX);
      const numbers = events.map(readDecision).flatMap((each) =>
        each?.path?.startsWith("/away-") && each.verdict === "allowed"
          ? [Number(each.path.slice("/away-".length))]
          : []
      );
      assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
      assert.ok(numbers.length > before);
      await machine.must(["logs", SANDBOX, "--verify"]);
    },
  );

  await step("a policy set while the gateway hangs is in force when it is back", async () => {
    const { pid } = JSON.parse(await Deno.readTextFile(machine.endpointFile));
    Deno.kill(pid, "SIGSTOP");
    const set = machine.setPolicy(SANDBOX, CLOSED);
    const before = await asked();
    await new Promise((resolve) => setTimeout(resolve, Math.min(AWAY_MS, 8_000)));
    await waitFor("requests meanwhile", async () => await asked() > before);
    Deno.kill(pid, "SIGCONT");
    const { code, stdout, stderr } = await set;
    // One that did not get through is to be set again, as its person is told.
    if (code !== 0) {
      assert.equal((await machine.setPolicy(SANDBOX, CLOSED)).code, 0, stdout + stderr);
    }
    const [denied] = await runScripts(machine, SANDBOX, [curl(`https://${HOST}/after`)]);
    assert.match(denied!.output, /connect 403/);
  });
}
