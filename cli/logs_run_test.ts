import assert from "node:assert/strict";
import {
  fakeGateway,
  type FakeGatewayOptions,
  sampleSandbox,
} from "../gateway/client/fake_gateway.ts";
import type { ChainState, LogQuery } from "../gateway/client/types.ts";
import { PROGRAM } from "./commands.ts";
import { type FakeContext, fakeContext, type FakeOptions } from "./fake_context.ts";
import { formatLogLine, parseAge } from "./log_line.ts";
import { runProgram } from "./run_program.ts";
import { UsageError } from "./usage_error.ts";

const LINE = {
  timestampMs: 1_786_000_000_042,
  level: "OCSF",
  target: "ocsf",
  message: "NET:OPEN [INFO] ALLOWED /usr/bin/git(77) -> github.com:443",
  source: "sandbox",
  fields: {},
};

const INTACT: ChainState = {
  source: "sandbox",
  events: 12,
  intact: true,
  brokenLine: 0,
  problem: "",
};

async function run(
  line: string,
  options: FakeGatewayOptions = {},
  contextOptions: FakeOptions = {},
): Promise<{ readonly code: number; readonly context: FakeContext }> {
  const gateway = fakeGateway({ sandboxes: [sampleSandbox()], ...options });
  const context = fakeContext({ gateway, ...contextOptions });
  return { code: await runProgram(PROGRAM, line.split(" "), context), context };
}

Deno.test.each([
  {
    name: "as the specification has it",
    change: {},
    want: "[1786000000.042] [sandbox] [OCSF ] [ocsf] " +
      "NET:OPEN [INFO] ALLOWED /usr/bin/git(77) -> github.com:443\n",
  },
  {
    name: "with fields by key, and a source that is always named",
    change: { source: "", level: "INFO", message: "hi", fields: { b: "2", a: "1" } },
    want: "[1786000000.042] [gateway] [INFO ] [ocsf] hi a=1 b=2\n",
  },
  {
    name: "without anything that a terminal obeys",
    change: { message: "a\n\x1b[2Jb", timestampMs: 5 },
    want: "[0.005] [sandbox] [OCSF ] [ocsf] a\\x0a\\x1b[2Jb\n",
  },
])("formatLogLine() writes a line $name", ({ change, want }) => {
  assert.equal(formatLogLine({ ...LINE, ...change }), want);
});

Deno.test.each([
  { text: "30s", want: 30_000 },
  { text: "5m", want: 300_000 },
  { text: "1h", want: 3_600_000 },
  { text: "2d", want: 172_800_000 },
])("parseAge() of $text is $want", ({ text, want }) => {
  assert.equal(parseAge(text), want);
});

Deno.test.each([{ text: "" }, { text: "5" }, { text: "m" }, { text: "1.5h" }, { text: "-1s" }])(
  "parseAge() refuses [$text]",
  ({ text }) => assert.throws(() => parseAge(text), UsageError),
);

Deno.test("logs asks for what was meant, and prints lines", async () => {
  const queries: LogQuery[] = [];
  const { code, context } = await run(
    "logs demo -n 5 --since 1m --level warn --source sandbox --source gateway",
    {
      getLogs(query) {
        queries.push(query);
        return Promise.resolve([LINE]);
      },
    },
  );
  assert.equal(code, 0);
  assert.equal(context.out(), formatLogLine(LINE));
  assert.deepEqual(queries, [{
    sandboxId: sampleSandbox().id,
    workspace: "default",
    lines: 5,
    sinceMs: context.machine.now() - 60_000,
    sources: ["sandbox", "gateway"],
    level: "warn",
  }]);
});

Deno.test("logs --source all is every source", async () => {
  let sources: readonly string[] = ["none"];
  await run("logs demo --source all", {
    getLogs(query) {
      sources = query.sources;
      return Promise.resolve([]);
    },
  });
  assert.deepEqual(sources, []);
});

Deno.test("logs --tail follows", async () => {
  const { context } = await run("logs demo --tail", {
    async *followLogs() {
      await Promise.resolve();
      yield LINE;
      yield LINE;
    },
  });
  assert.equal(context.out(), formatLogLine(LINE).repeat(2));
});

Deno.test("logs -o jsonl prints events as stored, and safe ones on a terminal", async () => {
  const record = '{"a":"\u202e"}';
  const options: FakeGatewayOptions = {
    async *readEvents(_query, follow) {
      await Promise.resolve();
      yield { source: "sandbox", record: follow ? "{}" : record };
    },
  };
  assert.equal((await run("logs demo -o jsonl", options)).context.out(), `${record}\n`);
  assert.equal((await run("logs demo -o jsonl --tail", options)).context.out(), "{}\n");
  const terminal = await run("logs demo -o jsonl", options, { isTerminal: true });
  assert.equal(terminal.context.out(), '{"a":"\\u202e"}\n');
});

Deno.test.each([
  { chains: [], code: 0, says: /no events yet/ },
  { chains: [INTACT], code: 0, says: /^sandbox: 12 events, intact\n$/ },
  {
    chains: [INTACT, { ...INTACT, events: 1, intact: false, brokenLine: 7, problem: "hash" }],
    code: 1,
    says: /\nsandbox: 1 event, BROKEN at line 7: hash\n$/,
  },
])("logs --verify returns $code", async ({ chains, code, says }) => {
  const verifyEvents = () => Promise.resolve(chains);
  const ran = await run("logs demo --verify", { verifyEvents });
  assert.equal(ran.code, code);
  assert.match(ran.context.out(), says);
});

Deno.test.each([
  { line: "logs demo --verify --tail" },
  { line: "logs demo --since soon" },
  { line: "logs demo -o json" },
  { line: "logs demo --level loud" },
  { line: "logs" },
])("$line is refused", async ({ line }) => {
  assert.equal((await run(line)).code, 2);
});
