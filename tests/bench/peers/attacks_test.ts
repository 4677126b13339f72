import assert from "node:assert/strict";
import { type Holding, judge } from "./attacks.ts";
import { SAMPLE_ATTACKS } from "./find_attacks.ts";

const [WRITE] = SAMPLE_ATTACKS;

Deno.test.each([
  {
    name: "holds what shows that it failed",
    tried: "evil: Read-only file system\ntried\n",
    permitted: "mine\n",
    want: "held",
  },
  { name: "does not hold what worked", tried: "tried\n", permitted: "mine\n", want: "not held" },
  {
    name: "leaves another refusal to a person",
    tried: "evil: No such file or directory\ntried\n",
    permitted: "mine\n",
    want: "unclear",
  },
  {
    name: "leaves the error of a call to a person",
    tried: "mount EPERM\ntried\n",
    permitted: "mine\n",
    want: "unclear",
  },
  {
    name: "leaves out what has no permitted twin there",
    tried: "evil: Read-only file system\ntried\n",
    permitted: "",
    want: "not applicable",
  },
])("judge() $name", ({ tried, permitted, want }) => {
  const got: Holding = judge(WRITE!, { output: tried }, { output: permitted });
  assert.equal(got, want);
});
