import assert from "node:assert/strict";
import { PROOF_QUEUE_MAX } from "../proto/proof_limits.ts";
import type { ProofJob, ProofReply } from "./proof_message.ts";
import {
  ProofDocumentError,
  ProofQueueError,
  ProofThreadError,
  ProofThreads,
  type ProofWorker,
} from "./proof_threads.ts";
import type { ProofReport } from "./report.ts";

const POLICY = `version: 1
network_policies:
  api:
    endpoints: [{host: api.example.com, port: 443, protocol: rest, access: full}]
    binaries: [{path: /usr/bin/curl}]
`;

const CLAIMS = `version: 1
claims:
  no-delete: {never: {host: api.example.com, method: DELETE}}
`;

function job(documents: ProofJob["documents"], policy = POLICY): ProofJob {
  return { policy, documents, timeoutMs: 30_000 };
}

const REPORT: ProofReport = {
  engine: "exact",
  solver: null,
  answers: [],
  changes: [],
  combinations: 0,
};

/** A thread that is played by the test. */
class FakeWorker implements ProofWorker {
  onmessage: ProofWorker["onmessage"] = null;
  onmessageerror: ProofWorker["onmessageerror"] = null;
  onerror: ProofWorker["onerror"] = null;
  isEnded = false;

  postMessage(): void {}

  terminate(): void {
    this.isEnded = true;
  }

  reply(data: ProofReply): void {
    this.onmessage?.call(this as unknown as Worker, new MessageEvent("message", { data }));
  }

  fail(message: string): void {
    const event = new ErrorEvent("error", { message, cancelable: true });
    this.onerror?.call(this as unknown as Worker, event);
  }
}

function fakeThreads(threadMs?: number) {
  const workers: FakeWorker[] = [];
  const start = () => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker;
  };
  const threads = new ProofThreads({ start, ...threadMs === undefined ? {} : { threadMs } });
  return { threads, workers };
}

async function turn(): Promise<void> {
  for (let at = 0; at < 10; at++) await Promise.resolve();
}

Deno.test("ProofThreads proves in a thread of its own", async () => {
  const threads = new ProofThreads({ threadMs: 60_000 });
  const [refuted, held] = await Promise.all([
    threads.prove(job({ claims: CLAIMS })),
    threads.prove(job({ claims: CLAIMS }, POLICY.replace("full", "read-only"))),
  ]);
  const statusOf = ({ answers }: ProofReport) =>
    answers.find(({ question }) => question === "claim:no-delete")?.status;
  assert.deepEqual([statusOf(refuted), statusOf(held)], ["refuted", "proved"]);
});

Deno.test("ProofThreads proves what providers have added to a policy, and to nothing else", async () => {
  const threads = new ProofThreads({ threadMs: 60_000 });
  const layered = POLICY.replace("  api:", "  _provider_api:");
  const { answers } = await threads.prove(job({ ceiling: POLICY }, layered));
  assert.equal(answers.find(({ question }) => question === "within_ceiling")?.status, "proved");
  await assert.rejects(threads.prove(job({ ceiling: layered })), ProofDocumentError);
});

Deno.test.each([
  { document: "claims", text: "version: 1\nclaims: {x: {never: {hots: a}}}\n", says: /line 2/ },
  { document: "ceiling", text: "version: 9\n", says: /line 1/ },
  { document: "floor", text: "{", says: /line 1/ },
  { document: "providers", text: "version: 1\n", says: /providers/ },
  {
    document: "claims",
    text: "version: 1\nclaims: {x: {never: {credential: github}}}\n",
    says: /github/,
  },
])("ProofThreads refuses $document that says $text", async ({ document, text, says }) => {
  const threads = new ProofThreads({ threadMs: 60_000 });
  await assert.rejects(threads.prove(job({ [document]: text })), (error) => {
    assert.ok(error instanceof ProofDocumentError);
    assert.equal(error.document, document);
    assert.match(error.message, says);
    return true;
  });
});

Deno.test("ProofThreads runs one proof after the other", async () => {
  const { threads, workers } = fakeThreads();
  const first = threads.prove(job({}));
  const second = threads.prove(job({}));
  await turn();
  assert.equal(workers.length, 1);
  workers[0]?.reply({ kind: "report", report: REPORT });
  assert.deepEqual(await first, REPORT);
  await turn();
  assert.deepEqual([workers.length, workers[0]?.isEnded], [2, true]);
  workers[1]?.reply({ kind: "failed", detail: "it is broken" });
  await assert.rejects(second, ProofThreadError);
});

Deno.test("ProofThreads ends a thread that breaks down, and goes on", async () => {
  const { threads, workers } = fakeThreads();
  const broken = threads.prove(job({}));
  const next = threads.prove(job({}));
  await turn();
  workers[0]?.fail("out of memory");
  await assert.rejects(broken, { name: "ProofThreadError", message: /out of memory/ });
  await turn();
  assert.equal(workers[0]?.isEnded, true);
  workers[1]?.reply({ kind: "report", report: REPORT });
  assert.deepEqual(await next, REPORT);
});

Deno.test("ProofThreads ends a thread that takes too long", async () => {
  const { threads, workers } = fakeThreads(5);
  await assert.rejects(threads.prove(job({})), { message: /no answer within 0.005 seconds/ });
  assert.equal(workers[0]?.isEnded, true);
});

Deno.test("ProofThreads counts the time in which a proof waits for its turn", async () => {
  const { threads, workers } = fakeThreads(20);
  const stuck = assert.rejects(threads.prove(job({})), ProofThreadError);
  const behind = assert.rejects(threads.prove(job({})), { message: /no answer within/ });
  await Promise.all([stuck, behind]);
  assert.ok(workers.every(({ isEnded }) => isEnded));
});

Deno.test("ProofThreads lets only some wait", async () => {
  const { threads, workers } = fakeThreads();
  const taken = Array.from({ length: PROOF_QUEUE_MAX + 1 }, () => threads.prove(job({})));
  await assert.rejects(threads.prove(job({})), ProofQueueError);
  for (let at = 0; at < taken.length; at++) {
    await turn();
    workers[at]?.reply({ kind: "report", report: REPORT });
    await taken[at];
  }
  const after = threads.prove(job({}));
  await turn();
  workers.at(-1)?.reply({ kind: "report", report: REPORT });
  await after;
});
