/**
 * WebSockets of real sandboxes: what a program may say over one, by which rules, and with which
 * credentials.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import { assertOneEvent, readDecision } from "../support/events.ts";
import { ANYONE, policy, rest } from "../support/policies.ts";
import { curl, quote, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";
import { ADDRESSES } from "../support/world.ts";

const SERVER = new URL("./support/websocket_server.ts", import.meta.url).pathname;
const CLIENT = new URL("./support/websocket_client.py", import.meta.url).pathname;
const CANARY = `canary-${crypto.randomUUID()}`;
const PORTS = { tls: 9443, plain: 9080 };

/** An endpoint for WebSockets at one of the server's names. */
function socket(host: string, more: Readonly<Record<string, unknown>> = {}, port = PORTS.tls) {
  return rest(host, port, { protocol: "websocket", access: "read-write", ...more });
}

const BOUND = { credential_binding: { provider: "service" } };

const POLICY = policy({
  sockets: {
    endpoints: [
      socket("full.example.com", {
        access: undefined,
        rules: [
          { allow: { method: "GET", path: "/**" } },
          { allow: { method: "WEBSOCKET_TEXT", path: "/open" } },
        ],
      }),
      socket("readonly.example.com", { access: "read-only" }),
      socket("audit.example.com", { access: "read-only", enforcement: "audit" }),
      socket("keep.example.com", {}, PORTS.plain),
      socket("api.example.com", { ...BOUND, websocket_credential_rewrite: true }),
      socket("copy.example.com", BOUND),
      rest("skip.example.com", PORTS.tls, { access: "full" }),
    ],
    binaries: ANYONE,
  },
});

interface Recorded {
  readonly path: string;
  readonly event: string;
  readonly text: string;
}

sandboxSuite("websocket", async (suite) => {
  const { world, step } = suite;
  const recordFile = `${world.folder}/websocket.jsonl`;
  const { certificateFile, keyFile } = await world.authority.issue("websocket", [
    ...["api", "audit", "copy", "full", "keep", "readonly", "skip"]
      .map((name) => `${name}.example.com`),
  ]);
  const [program = "", ...args] = world.pair.onInternet([
    ...[Deno.execPath(), "run", "-A", "--no-lock", SERVER],
    ...[ADDRESSES.api, recordFile, certificateFile, keyFile],
  ]);
  const server = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const recorded = async (): Promise<readonly Recorded[]> =>
    (await Deno.readTextFile(recordFile)).split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  try {
    await waitFor("the server", () => recorded().then((all) => all.length >= 2, () => false));
    const create = ["provider", "create", "--name", "service", "--type", "generic"];
    await world.machine.must([...create, "--credential", "SERVICE_TOKEN"], {
      env: { SERVICE_TOKEN: CANARY },
    });
    await world.machine.create("box", { policy: POLICY, flags: ["--provider", "service"] });
    const client = await world.machine.writeFile(
      "websocket_client.py",
      await Deno.readTextFile(CLIENT),
    );
    await world.machine.must(["sandbox", "upload", "box", client, "/sandbox/"]);
    await stepsOfMessages(suite, recorded);
    await stepsOfUpgrades(suite, recorded);
    await stepsOfCredentials(suite, recorded);
    await stepsOfPolicies(suite);
    await step("neither a message nor a value is in the events", async () => {
      const text = JSON.stringify(await world.machine.events("box"));
      for (const secret of [CANARY, "over-tls", "over-plain", "not-allowed", "on-record"]) {
        assert.ok(!text.includes(secret), secret);
      }
    });
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
}, { alsoRootless: false });

/** Returns a script of the client. */
function speak(url: string, ...actions: readonly string[]): string {
  return ["python3", "/sandbox/websocket_client.py", url, ...actions].map(quote).join(" ");
}

type Read = () => Promise<readonly Recorded[]>;

async function stepsOfMessages({ world: { machine }, step }: Suite, recorded: Read): Promise<void> {
  const open = "wss://full.example.com:9443/open";
  const [echo, plain, rules, readOnly, audit] = await runScripts(
    machine,
    "box",
    [
      speak(open, "protocol:chat, other", "text:over-tls", "read", "ping:still", "read"),
      speak("ws://keep.example.com:9080/plain", "forward", "text:over-plain", "read"),
      speak("wss://full.example.com:9443/closed", "text:not-allowed-here", "read"),
      speak("wss://readonly.example.com:9443/", "text:not-allowed-text", "read"),
      speak("wss://audit.example.com:9443/", "text:on-record", "read"),
    ],
  );
  const events = await machine.events("box");
  const about = (host: string, port = PORTS.tls) =>
    ({ kind: "request", host: `${host}.example.com`, port }) as const;

  await step("text goes both ways through TLS, and the upgrade is the one event", async () => {
    assert.match(echo!.output, /101[^]*protocol: chat\n[^]*text echo:over-tls\n[^]*pong still/);
    assert.ok((await recorded()).some(({ text }) => text === "over-tls"));
    assertOneEvent(events, { ...about("full"), path: "/open", method: "GET", verdict: "allowed" });
  });

  await step("text goes both ways through the forward proxy", () => {
    assert.match(plain!.output, /101[^]*text echo:over-plain/);
    assertOneEvent(events, { ...about("keep", PORTS.plain), verdict: "allowed" });
  });

  await step("the path of the upgrade decides about text", () => {
    assert.match(rules!.output, /101[^]*close 1008 request_not_allowed/);
    assertOneEvent(events, {
      ...about("full"),
      path: "/closed",
      method: "WEBSOCKET_TEXT",
      verdict: "denied",
      reason: "request_not_allowed",
    });
  });

  await step("a program that may only listen says nothing", () => {
    assert.match(readOnly!.output, /101[^]*close 1008 request_not_allowed/);
  });

  await step("audit lets text through, and records it", () => {
    assert.match(audit!.output, /text echo:on-record/);
    assertOneEvent(events, {
      ...about("audit"),
      method: "WEBSOCKET_TEXT",
      verdict: "audited",
      reason: "request_not_allowed",
    });
  });
}

async function stepsOfUpgrades(
  { world: { machine }, step }: Suite,
  recorded: Read,
): Promise<void> {
  const [required, untaken, refused] = await runScripts(machine, "box", [
    curl("https://full.example.com:9443/plain"),
    speak("wss://skip.example.com:9443/", "text:not-allowed-rest", "read"),
    speak("wss://full.example.com:9443/refused", "text:not-allowed-refused", "read"),
  ]);

  await step("what is no WebSocket is refused", () => {
    assert.match(required!.output, /websocket_required[^]*status 403/);
  });

  await step("an upgrade at an endpoint for plain requests is refused", () => {
    assert.match(untaken!.output, /^answer HTTP\/1\.1 426 /);
  });

  await step("a server's refusal is passed on", () => {
    assert.match(refused!.output, /^answer HTTP\/1\.1 401 /);
  });

  await step("nothing that was refused has reached the server", async () => {
    const texts = (await recorded()).map(({ text }) => text).join("\n");
    assert.doesNotMatch(texts, /not-allowed/);
  });

  await step("the end of a WebSocket says how much went through it", async () => {
    const ends = (await machine.events("box")).flatMap(({ activity_name: name, unmapped }) =>
      name === "Close" ? [unmapped as Readonly<Record<string, unknown>>] : []
    );
    const [first] = ends.filter(({ path }) => path === "/open");
    assert.deepEqual([first?.texts, first?.binaries, first?.from_server], [1, 0, 1]);
  });
}

async function stepsOfCredentials({ world, step }: Suite, recorded: Read): Promise<void> {
  const { machine } = world;
  const TOKEN = "openshell:resolve:env:SERVICE_TOKEN";
  const filled = "wss://api.example.com:9443/filled";
  const unfilled = "wss://copy.example.com:9443/unfilled";
  const [json, parts, binary, text, split, trickled, elsewhere] = await runScripts(machine, "box", [
    speak(filled, `text:{"auth":"${TOKEN}"}`, "read"),
    speak(filled, "begin:key openshell:res", "more:olve:env:SERVICE", "done:_TOKEN.", "read"),
    speak(filled, `binary:${TOKEN}`, "read"),
    speak(unfilled, `text:${TOKEN}`, "read"),
    speak(unfilled, "begin:openshell:res", "done:olve:env:SERVICE_TOKEN", "read"),
    speak(unfilled, `trickle:${TOKEN}`, "read"),
    speak("wss://full.example.com:9443/open", `text:${TOKEN}`, "read"),
  ]);

  await step("a placeholder in JSON is filled, and the echo of it covered", async () => {
    assert.match(json!.output, /text echo:\{"auth":"\[CREDENTIAL\]/);
    const texts = (await recorded()).map((each) => each.text);
    assert.ok(texts.includes(`{"auth":"${CANARY}"}`), texts.join("\n"));
  });

  await step("one that is split over frames is filled as well", async () => {
    assert.match(parts!.output, /text echo:key \[CREDENTIAL\]/);
    const texts = (await recorded()).map((each) => each.text);
    assert.ok(texts.includes(`key ${CANARY}.`), texts.join("\n"));
  });

  await step("a binary message to a host with a credential is refused", () => {
    assert.match(binary!.output, /close 1008 uninspected_credentials/);
  });

  for (
    const [name, seen] of [
      ["as it is", text],
      ["split over frames", split],
      ["a byte at a time", trickled],
      ["at another host", elsewhere],
    ] as const
  ) {
    await step(`a placeholder that is not filled ends the connection: ${name}`, () => {
      assert.match(seen!.output, /close 1008 credential_misplaced/);
    });
  }

  await step("no placeholder reaches the server, and no value the program", async () => {
    const texts = (await recorded()).map((each) => each.text).join("\n");
    assert.doesNotMatch(texts, /openshell/);
    for (const seen of [json, parts, binary, text, split]) {
      assert.ok(!seen!.output.includes(CANARY));
    }
  });
}

async function stepsOfPolicies({ world: { machine }, step }: Suite): Promise<void> {
  await step("another policy closes what is open with 1012", async () => {
    const child = machine.spawn([
      ...["sandbox", "exec", "-n", "box", "--", "bash", "-c"],
      speak("wss://full.example.com:9443/open", "text:hello", "wait"),
    ], { stdout: "piped", stderr: "inherit", stdin: "null" });
    let output = "";
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const readUntil = async (want: RegExp) => {
      while (!want.test(output)) {
        const { value, done } = await reader.read();
        if (done) break;
        output += value;
      }
      assert.match(output, want);
    };
    await readUntil(/text echo:hello/);
    const changed = POLICY.replace("/open", "/another");
    assert.equal((await machine.setPolicy("box", changed)).code, 0);
    await readUntil(/close 1012 policy_changed/);
    await readUntil(/end/);
    await reader.cancel();
    await child.status;
    const denied = (await machine.events("box")).map(readDecision)
      .filter((each) => each?.path === "/open" && each.verdict === "denied");
    assert.deepEqual(denied.map((each) => each!.reason), ["credential_misplaced"]);
  });
}
