import assert from "node:assert/strict";
import { LedgerFileError, openLedgerFile } from "./ledger_file.ts";
import { TokenLedger } from "./token_ledger.ts";

Deno.test("TokenLedger refuses what would go beyond the budget", () => {
  const ledger = new TokenLedger();
  const first = ledger.reserve(60, 100);
  assert.equal(ledger.reserve(60, 100), null, "what is under way counts");
  first?.settle({ input: 10, output: 20, isEstimated: false });
  assert.equal(ledger.used, 30);
  assert.notEqual(ledger.reserve(60, 100), null);
});

Deno.test("TokenLedger counts a call once, and one that came to nothing not at all", () => {
  const ledger = new TokenLedger();
  const call = ledger.reserve(1, null);
  const usage = { input: 1, output: 1, isEstimated: false };
  call?.settle(usage);
  call?.settle(usage);
  ledger.reserve(5, null)?.settle(null);
  assert.equal(ledger.used, 2);
  assert.notEqual(ledger.reserve(8, 10), null);
});

Deno.test("TokenLedger remembers over a restart", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/usage.json`;
  const call = new TokenLedger(openLedgerFile(path)).reserve(1, null);
  call?.settle({ input: 40, output: 2, isEstimated: false });
  assert.equal(new TokenLedger(openLedgerFile(path)).used, 42);
  for (const text of ["", "{}", '{"used":-1}', '{"used":"1"}']) {
    await Deno.writeTextFile(path, text);
    assert.throws(() => new TokenLedger(openLedgerFile(path)), LedgerFileError);
  }
  await Deno.remove(folder, { recursive: true });
});
