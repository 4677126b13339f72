import assert from "node:assert/strict";
import { checkMachine, DoctorError, parseChecks } from "./doctor.ts";

Deno.test("parseChecks() reads checks, and takes what is not said for needed and failed", () => {
  const text = JSON.stringify({
    checks: [
      { name: "a", ok: true, required: false, detail: "fine", fix: "none" },
      { name: "b" },
    ],
  });
  assert.deepEqual(parseChecks(text), [
    { name: "a", ok: true, required: false, detail: "fine", fix: "none" },
    { name: "b", ok: false, required: true, detail: "", fix: "" },
  ]);
});

Deno.test.each([{ text: "" }, { text: "{}" }, { text: '{"checks":5}' }, { text: "x" }])(
  "parseChecks() refuses [$text]",
  ({ text }) => {
    assert.throws(() => parseChecks(text), DoctorError);
  },
);

Deno.test("checkMachine() runs the look, and says when it fails", async () => {
  const print = `printf '{"checks":[{"name":"%s %s","ok":true}]}' "$0" "$1"`;
  assert.equal((await checkMachine(["sh", "-c", print]))[0]?.name, "supervise --check");
  const failing = checkMachine(["sh", "-c", "echo bad >&2; exit 4"]);
  await assert.rejects(failing, { message: /ended with 4/, hint: "It said: bad" });
});
