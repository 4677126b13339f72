import assert from "node:assert/strict";
import { fakeGateway } from "../../gateway/client/fake_gateway.ts";
import { fakeProviders, sampleProvider } from "../../gateway/client/fake_providers.ts";
import type { ProviderView } from "../../gateway/client/provider_types.ts";
import { PROGRAM } from "../commands.ts";
import { fakeContext } from "../fake_context.ts";
import { runProgram } from "../run_program.ts";

interface Row {
  readonly name: string;
  readonly line: string;
  readonly env?: Record<string, string>;
  readonly existing?: readonly ProviderView[];
  /** What a person at a terminal answers. */
  readonly answer?: string;
  readonly providers?: readonly string[];
  readonly made?: readonly string[];
  readonly says?: RegExp;
  readonly code?: number;
}

const KEY = { ANTHROPIC_API_KEY: "the-value" };
const CLAUDE = sampleProvider({ name: "mine", type: "claude-code" });

Deno.test.each<Row>([
  { name: "none for a program that needs none", line: "-- make", env: KEY, providers: [] },
  {
    name: "one by its name",
    line: "--provider mine -- make",
    existing: [CLAUDE],
    providers: ["mine"],
  },
  {
    name: "one of the type that a program needs",
    line: "-- /usr/local/bin/claude",
    existing: [CLAUDE],
    providers: ["mine"],
  },
  {
    name: "none where that is not wanted",
    line: "--no-auto-providers -- claude",
    existing: [CLAUDE],
    providers: [],
  },
  {
    name: "a new one without asking",
    line: "--auto-providers -- claude",
    env: KEY,
    providers: ["claude-code"],
    made: ["provider create claude-code claude-code ANTHROPIC_API_KEY"],
  },
  {
    name: "a new one of a type that was named",
    line: "--auto-providers --provider claude -- make",
    env: KEY,
    providers: ["claude"],
    made: ["provider create claude claude-code ANTHROPIC_API_KEY"],
  },
  {
    name: "a new one under a free name",
    line: "--auto-providers -- claude",
    env: KEY,
    existing: [sampleProvider({ name: "claude-code", type: "github" })],
    providers: ["claude-code-1"],
    made: ["provider create claude-code-1 claude-code ANTHROPIC_API_KEY"],
  },
  {
    name: "a new one after a yes",
    line: "-- claude",
    env: KEY,
    answer: "\n",
    providers: ["claude-code"],
    made: ["provider create claude-code claude-code ANTHROPIC_API_KEY"],
    says: /Let the sandbox use ANTHROPIC_API_KEY of this machine, without seeing it/,
  },
  { name: "none after a no", line: "-- claude", env: KEY, answer: "n\n", providers: [] },
  {
    name: "none where nobody can be asked",
    line: "-- claude",
    env: KEY,
    providers: [],
    says: /--auto-providers/,
  },
  {
    name: "none where there are no credentials",
    line: "--auto-providers -- claude",
    providers: [],
    says: /Found no credentials for claude-code/,
  },
  { name: "nothing for an unknown word", line: "--provider zzz", code: 2, says: /there is none/ },
  {
    name: "nothing for a type that may not be made",
    line: "--no-auto-providers --provider claude",
    code: 2,
    says: /--from-existing/,
  },
  {
    name: "nothing for both",
    line: "--auto-providers --no-auto-providers",
    code: 2,
    says: /together/,
  },
])("sandbox create uses $name", async (row) => {
  const calls: string[] = [];
  const gateway = fakeGateway(fakeProviders(calls, row.existing ?? []));
  const context = fakeContext({
    gateway,
    env: row.env ?? {},
    ...row.answer === undefined ? {} : {
      isStdinTerminal: true,
      chunks: async function* () {
        await Promise.resolve();
        yield new TextEncoder().encode(row.answer!);
      },
    },
  });
  const line = `sandbox create --name demo --detach ${row.line}`;
  const code = await runProgram(PROGRAM, line.split(" "), context);
  assert.equal(code, row.code ?? 0, context.err());
  assert.deepEqual(gateway.created[0]?.providers, row.providers);
  assert.deepEqual(calls, row.made ?? []);
  if (row.says !== undefined) assert.match(context.err(), row.says);
  assert.ok(!context.err().includes("the-value"));
});
