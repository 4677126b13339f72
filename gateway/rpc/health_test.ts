import assert from "node:assert/strict";
import { StoreError } from "../store/contract.ts";
import { answerHealth } from "./health.ts";

const GOOD = { version: "1", store: { ping: () => Promise.resolve(1.23456) } };
const BAD = {
  version: "1",
  store: { ping: () => Promise.reject(new StoreError("unavailable", "locked")) },
};

Deno.test("answerHealth() tells living from serving", async () => {
  assert.deepEqual(await answerHealth("/readyz", GOOD), {
    status: 200,
    body: {
      status: "healthy",
      version: "1",
      checks: { database: { status: "healthy", latency_ms: 1.235 } },
    },
  });
  assert.equal((await answerHealth("/readyz", BAD))?.status, 503);
  assert.equal((await answerHealth("/health", BAD))?.status, 503);
  assert.equal((await answerHealth("/healthz", BAD))?.status, 200);
  assert.equal(await answerHealth("/", GOOD), null);
});
