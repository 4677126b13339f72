import assert from "node:assert/strict";
import type { Attack } from "./attack.ts";
import { formatJson, formatTable } from "./format_table.ts";
import type { AttackResult } from "./run_attacks.ts";

const TRIAL = { script: "true", shows: /./ };

function attackOf(id: string, more: Partial<Attack> = {}): Attack {
  return { id, title: `title of ${id}`, area: "tls", attack: TRIAL, twin: TRIAL, ...more };
}

const RESULTS: readonly AttackResult[] = [
  { attack: attackOf("a"), mode: "enforce", outcome: "held", reason: "x_y", problems: [] },
  {
    attack: attackOf("a"),
    mode: "audit",
    outcome: "FAILED",
    reason: null,
    problems: ["it got out"],
  },
  {
    attack: attackOf("long-id", { accepted: "Bodies" }),
    mode: "after-reload",
    outcome: "accepted",
    reason: null,
    problems: ["known"],
  },
];

Deno.test("formatTable() has a line for each result, what failed, and the counts", () => {
  assert.equal(
    formatTable(RESULTS),
    `ID       AREA  MODE          OUTCOME   REASON  TITLE
a        tls   enforce       held      x_y     title of a
a        tls   audit         FAILED    -       title of a
long-id  tls   after-reload  accepted  -       title of long-id

audit: a
it got out

2 attacks, 3 times tried: 1 held, 1 accepted, 1 failed
`,
  );
});

Deno.test("formatJson() has a document for each result", () => {
  assert.deepEqual(JSON.parse(formatJson(RESULTS)).at(-1), {
    id: "long-id",
    area: "tls",
    title: "title of long-id",
    mode: "after-reload",
    outcome: "accepted",
    reason: null,
    accepted: "Bodies",
    problems: ["known"],
  });
});
