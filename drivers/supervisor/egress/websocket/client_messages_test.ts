import assert from "node:assert/strict";
import { endpointOf, httpRuleOf, ruleOf } from "../../../../policy-wasm/fixtures.ts";
import type { Endpoint } from "../../../../policy-wasm/policy.ts";
import { liveCredentials, SECRET } from "../../credentials/fixture.ts";
import { CREDENTIAL_BODY_BYTES_MAX } from "../../credentials/limits.ts";
import { writeAll } from "../byte_stream.ts";
import { withPipeline } from "../pipeline_fixture.ts";
import { encodeClose, encodeFrame, OPCODES } from "./frame.ts";
import {
  closed,
  HOST,
  openWebSocket,
  outcomesOf,
  type Peer,
  TEXT,
  UPGRADE,
} from "./websocket_fixture.ts";

const TOKEN = "openshell:resolve:env:TOKEN";
const EVIL = "evil.example.net";
const { text: TEXT_FRAME, binary: BINARY, continuation: MORE, ping: PING, close } = OPCODES;

/** The first host has credentials, the second one has not. */
function rulesFor(change: Partial<Endpoint>) {
  const endpoint = { protocol: "websocket", allow: [UPGRADE, TEXT], ...change } as const;
  return [ruleOf({ endpoints: [HOST, EVIL].map((host) => endpointOf({ ...endpoint, host })) })];
}

const FILLED = { websocketCredentialRewrite: true };

async function oneByOne(program: Peer, text: string, opcode: number): Promise<void> {
  for (const [at, letter] of [...text].entries()) {
    await program.sendFrame(letter, at === 0 ? opcode : MORE, at === text.length - 1);
  }
}

async function trickle(program: Peer, text: string): Promise<void> {
  const payload = new TextEncoder().encode(text);
  const bytes = encodeFrame(payload, { opcode: TEXT_FRAME, isFinal: true, isMasked: true });
  for (const byte of bytes) await writeAll(program.stream, Uint8Array.of(byte));
}

interface Attack {
  readonly id: string;
  readonly host?: string;
  readonly change?: Partial<Endpoint>;
  readonly say: (program: Peer) => Promise<void>;
  readonly want?: string;
  readonly hasFinding?: boolean;
  /** A part of a binary message may have gone, as long as the placeholder has not. */
  readonly isBegun?: boolean;
}

const ATTACKS: readonly Attack[] = [
  { id: "placeholder-in-text-that-is-not-filled", say: (program) => program.sendFrame(TOKEN) },
  {
    id: "placeholder-in-text-for-another-host",
    host: EVIL,
    change: FILLED,
    say: (program) => program.sendFrame(`{"key":"${TOKEN}"}`),
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-split-over-frames",
    say: (program) => oneByOne(program, `key ${TOKEN}`, TEXT_FRAME),
  },
  { id: "placeholder-split-over-reads", say: (program) => trickle(program, `x${TOKEN}`) },
  {
    id: "placeholder-escaped-in-json",
    say: (program) => program.sendFrame(`{"a":"${TOKEN.replaceAll(":", "\\u003a")}"}`),
  },
  {
    id: "placeholder-encoded",
    say: (program) => program.sendFrame(TOKEN.replaceAll(":", "%3a")),
  },
  {
    id: "placeholder-in-another-case",
    change: FILLED,
    say: (program) => program.sendFrame(TOKEN.toUpperCase()),
  },
  {
    id: "placeholder-as-a-key-of-json",
    change: FILLED,
    say: (program) => program.sendFrame(`{"${TOKEN}":1}`),
  },
  {
    id: "placeholder-escaped-in-json-that-is-none",
    change: FILLED,
    say: (program) => program.sendFrame(`{'a':'${TOKEN.replaceAll(":", "\\u003a")}'}`),
  },
  {
    id: "placeholder-of-nothing",
    change: FILLED,
    say: (program) => program.sendFrame("openshell:resolve:env:NOBODY"),
    want: "credential_unknown",
    hasFinding: false,
  },
  {
    id: "placeholder-in-text-too-large-to-be-filled",
    change: FILLED,
    say: (program) => program.sendFrame(`${"x".repeat(CREDENTIAL_BODY_BYTES_MAX)}${TOKEN}`),
  },
  {
    id: "binary-to-a-host-with-a-credential",
    say: (program) => program.sendFrame("nothing in it", BINARY),
    want: "uninspected_credentials",
  },
  {
    id: "binary-where-text-is-filled",
    change: FILLED,
    say: (program) => program.sendFrame(TOKEN, BINARY),
    want: "uninspected_credentials",
  },
  {
    id: "placeholder-in-binary-that-is-allowed",
    change: { allowUninspectedCredentials: true },
    say: (program) => program.sendFrame(`\x00${TOKEN}`, BINARY),
  },
  {
    id: "placeholder-in-binary-for-another-host",
    host: EVIL,
    say: (program) => program.sendFrame(TOKEN, BINARY),
  },
  {
    id: "placeholder-in-binary-split-over-frames",
    host: EVIL,
    say: (program) => oneByOne(program, `before ${TOKEN}`, BINARY),
    isBegun: true,
  },
  { id: "placeholder-in-a-ping", say: (program) => program.sendFrame(TOKEN, PING) },
  {
    id: "placeholder-in-a-close",
    say: (program) => program.sendFrame(encodeClose(1000, TOKEN), close),
  },
];

Deno.test.each([...ATTACKS])("ClientMessages withstands $id", (attack) => {
  const { host = HOST, change = {}, say, want = "credential_misplaced" } = attack;
  const { hasFinding = true, isBegun = false } = attack;
  return withPipeline(
    { rules: rulesFor(change), credentials: liveCredentials() },
    async (pipeline) => {
      const { program, server } = await openWebSocket(pipeline, { host });
      await say(program).catch(() => {});
      assert.deepEqual(await program.rest(), [closed(1008, want)]);
      assert.deepEqual(isBegun || await server.rest(), isBegun || [closed(1001)]);
      if (isBegun) assert.doesNotMatch(await server.unfinished(), /openshell/);
      assert.deepEqual(outcomesOf(pipeline.events), [
        "GET allowed",
        `WEBSOCKET_TEXT denied ${want}`,
      ]);
      const findings = pipeline.events.filter(({ kind }) => kind === "finding");
      assert.equal(findings.length, hasFinding ? 1 : 0);
      assert.doesNotMatch(JSON.stringify(pipeline.events), new RegExp(`${SECRET}|openshell:`));
      program.stream.close();
    },
  );
});

Deno.test.each([
  { name: "plain text", sent: `key ${TOKEN}!`, want: `key ${SECRET}!` },
  { name: "JSON", sent: `{"a": "${TOKEN}"}`, want: `{"a": "${SECRET}"}` },
  {
    name: "JSON with escapes",
    sent: `["\\u006fpenshell:resolve:env:TOKEN"]`,
    want: `["${SECRET}"]`,
  },
  { name: "two of them", sent: `${TOKEN} ${TOKEN}`, want: `${SECRET} ${SECRET}` },
  { name: "nothing", sent: '{"n": 1.0, "u": "\\u0061"}', want: '{"n": 1.0, "u": "\\u0061"}' },
])("ClientMessages fills $name", ({ sent, want }) =>
  withPipeline(
    { rules: rulesFor(FILLED), credentials: liveCredentials() },
    async (pipeline) => {
      const { program, server } = await openWebSocket(pipeline);
      await program.sendFrame(sent);
      assert.deepEqual(await server.next(), { kind: "text", text: want });
      assert.deepEqual(outcomesOf(pipeline.events), ["GET allowed"]);
      assert.doesNotMatch(JSON.stringify(pipeline.events), new RegExp(SECRET));
      program.stream.close();
    },
  ));

Deno.test.each([
  { name: "the upgrade's", upgrade: FILLED, text: {} },
  { name: "the text's", upgrade: {}, text: FILLED },
])("ClientMessages fills nothing where $name endpoint alone says so", (row) => {
  const common = { protocol: "websocket" } as const;
  const upgrade = endpointOf({ ...common, allow: [UPGRADE], path: "/w*", ...row.upgrade });
  const text = endpointOf({ ...common, allow: [TEXT], path: "/**", ...row.text });
  return withPipeline(
    { rules: [ruleOf({ endpoints: [upgrade, text] })], credentials: liveCredentials() },
    async (pipeline) => {
      const { program } = await openWebSocket(pipeline);
      await program.sendFrame(TOKEN);
      assert.deepEqual(await program.rest(), [closed(1008, "credential_misplaced")]);
      program.stream.close();
    },
  );
});

const COVER = "[CREDENTIAL]".padEnd(SECRET.length, "*");

Deno.test("relayWebSocket() covers what a server repeats, however it is cut", () =>
  withPipeline({ rules: rulesFor(FILLED), credentials: liveCredentials() }, async (pipeline) => {
    const { program, server } = await openWebSocket(pipeline);
    await server.sendFrame(`you said ${SECRET}.`);
    assert.deepEqual(await program.next(), { kind: "text", text: `you said ${COVER}.` });
    for (const text of [SECRET.slice(0, 9), SECRET.slice(9)]) {
      await server.sendFrame(text);
      assert.deepEqual(await program.next(), { kind: "text", text });
    }
    await server.sendFrame(SECRET.slice(0, 9), BINARY, false);
    await server.sendFrame(SECRET, PING);
    await server.sendFrame(SECRET.slice(9), MORE);
    assert.deepEqual(await program.next(), { kind: "ping", text: COVER });
    assert.deepEqual(await program.next(), { kind: "binary", text: COVER });
    await server.sendFrame(encodeClose(1000, SECRET), close);
    assert.deepEqual(await program.next(), closed(1000, COVER));
    const found = pipeline.events.filter(({ kind }) => kind === "finding");
    assert.equal(found.length, 1);
    program.stream.close();
  }));

Deno.test("relayWebSocket() fills the handshake, and covers what the server repeats of it", () => {
  const query = [httpRuleOf(), TEXT];
  return withPipeline(
    { rules: rulesFor({ allow: query }), credentials: liveCredentials() },
    async (pipeline) => {
      const { program, server, request, answer } = await openWebSocket(pipeline, {
        headers: `Authorization: Bearer ${TOKEN}\r\n`,
      });
      assert.match(request, new RegExp(`Authorization: Bearer ${SECRET}\r\n`));
      assert.doesNotMatch(answer, new RegExp(SECRET));
      await server.sendFrame(`hello ${SECRET}`);
      assert.deepEqual(await program.next(), { kind: "text", text: `hello ${COVER}` });
      program.stream.close();
    },
  );
});

Deno.test("relayWebSocket() turns away what all WebSockets together cannot hold", () =>
  withPipeline({ rules: rulesFor({}), limits: { heldBytesMax: 100 } }, async (pipeline) => {
    const first = await openWebSocket(pipeline);
    await first.program.sendFrame("x".repeat(80), TEXT_FRAME, false);
    await first.program.sendFrame("seen", PING);
    await first.server.next();
    const second = await openWebSocket(pipeline);
    await second.program.sendFrame("x".repeat(30));
    assert.deepEqual(await second.program.rest(), [closed(1013, "request_too_large")]);
    await first.program.sendFrame("x", MORE);
    assert.equal((await first.server.next())?.text.length, 81);
    await first.program.sendFrame("x".repeat(80), TEXT_FRAME, false);
    await first.program.sendFrame("seen", PING);
    await first.server.next();
    first.program.stream.close();
    await first.server.rest();
    second.program.stream.close();
    const third = await openWebSocket(pipeline);
    await third.program.sendFrame("x".repeat(99));
    assert.equal((await third.server.next())?.text.length, 99);
    third.program.stream.close();
  }));
