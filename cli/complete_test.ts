import assert from "node:assert/strict";
import { complete } from "./complete.ts";
import { SAMPLE } from "./sample_program.ts";

Deno.test.each([
  { line: "|", want: "box pick" },
  { line: "b|", want: "box" },
  { line: "box |", want: "create list compile" },
  { line: "bx l|", want: "list" },
  { line: "-v box c|", want: "create compile" },
  {
    line: "-|",
    want:
      "--help --version --verbose --output --workspace --gateway --gateway-endpoint --gateway-insecure",
  },
  { line: "-o |", want: "table json yaml" },
  { line: "-o json box l|", want: "list" },
  { line: "--output=j|", want: "--output=json" },
  { line: "box create --k|", want: "--kind" },
  { line: "box create --dry-run --d|", want: "" },
  { line: "box create --label a --l|", want: "--label --limit" },
  { line: "box create --kind |", want: "paper steel" },
  { line: "box create --kind s|", want: "steel" },
  { line: "box create --kind=s|", want: "--kind=steel" },
  { line: "box create --t|", want: "" },
  { line: "box create --note |", want: "" },
  { line: "box create --size |", want: "" },
  { line: "box create |", want: "" },
  { line: "box create a |", want: "files" },
  { line: "box create a b c |", want: "files" },
  { line: "box create a -- |", want: "" },
  { line: "pick |", want: "red green" },
  { line: "pick red |", want: "" },
  { line: "pick -- g|", want: "green" },
  { line: "nope |", want: "box pick" },
  { line: "box create --nope x |", want: "files" },
])("complete() offers [$want] at [$line]", ({ line, want }) => {
  const words = line.slice(0, -1).split(" ");
  const { kind, candidates } = complete(SAMPLE, words.slice(0, -1), words.at(-1)!);
  const got = kind === "words" ? candidates.map(({ value }) => value).join(" ") : kind;
  assert.equal(got, want);
});
