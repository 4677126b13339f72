import assert from "node:assert/strict";
import { POLICY_REVISIONS_MAX } from "../../proto/limits.ts";
import { ConflictError, type ObjectStore } from "../store/contract.ts";
import { openSqliteStore } from "../store/sqlite_store.ts";
import { InvalidPolicyError, PolicyRefusedError } from "./policy_document.ts";
import { NOT_ASKED, type ProofOutcome, ProofRefusedError } from "./policy_proofs.ts";
import { GLOBAL_SCOPE, type PolicyChange, PolicyRevisions } from "./revisions.ts";

function document(port: number, extra = ""): Uint8Array {
  return new TextEncoder().encode(`version: 1
${extra}
network_policies:
  docs: {endpoints: [{host: docs.example.com, port: ${port}}], binaries: [{path: /usr/bin/curl}]}
`);
}

interface Context {
  readonly store: ObjectStore;
  readonly revisions: PolicyRevisions;
  readonly clock: { ms: number };
  /** What the prover says, and which texts it was asked about. */
  readonly prover: { outcome: ProofOutcome; onAsked: () => Promise<void>; asked: string[] };
  readonly first: (sandboxId?: string) => Promise<PolicyChange>;
  readonly set: (
    port: number,
    annotations?: Record<string, string>,
    isForced?: boolean,
  ) => Promise<PolicyChange>;
  readonly statuses: () => Promise<readonly string[]>;
}

function revisionTest(name: string, body: (context: Context) => Promise<void>): void {
  Deno.test(`PolicyRevisions ${name}`, async () => {
    const clock = { ms: 1_000 };
    const store = openSqliteStore({ path: ":memory:", now: () => clock.ms });
    const prover: Context["prover"] = {
      outcome: NOT_ASKED,
      onAsked: () => Promise.resolve(),
      asked: [],
    };
    const revisions = new PolicyRevisions({
      store,
      now: () => clock.ms,
      prove: async (text) => {
        prover.asked.push(text);
        await prover.onAsked();
        return prover.outcome;
      },
    });
    const first = async (sandboxId = "s") => {
      const { change, writes } = await revisions.prepareFirst(sandboxId, document(1));
      await store.apply(writes);
      return change;
    };
    const set: Context["set"] = async (port, annotations, isForced) => {
      const proven = await revisions.prove("s", document(port), isForced);
      const { change, writes } = await revisions.prepare("s", proven, annotations);
      await store.apply(writes);
      return change;
    };
    const statuses = async () =>
      (await revisions.list("s", { limit: 1000, offset: 0 })).map(({ version, status }) =>
        `${version} ${status}`
      );
    try {
      await body({ store, revisions, clock, prover, first, set, statuses });
    } finally {
      await store.close();
    }
  });
}

function refused(code: string, detail: RegExp) {
  return (error: unknown) =>
    error instanceof PolicyRefusedError && error.code === code && detail.test(error.message);
}

revisionTest("starts with version 1, the default where none is given", async (context) => {
  const { store, revisions, first } = context;
  assert.equal((await first()).version, 1);
  await store.apply((await revisions.prepareFirst("t", null)).writes);
  const effective = await revisions.effective("t");
  assert.match(new TextDecoder().decode(effective.document), /hard_requirement/);
  await assert.rejects(revisions.effective("u"), refused("not_found", /has none/));
});

revisionTest(
  "counts versions, and not the same content twice",
  async ({ first, set, statuses }) => {
    const one = await first();
    assert.deepEqual(await set(1), { ...one, isNew: false });
    const two = await set(2);
    assert.equal(two.version, 2);
    assert.equal(two.isNew, true);
    assert.equal((await set(2, { why: "ticket 7" })).version, 3);
    assert.equal((await set(2)).version, 3);
    assert.deepEqual(await statuses(), ["3 pending", "2 superseded", "1 superseded"]);
  },
);

revisionTest("gives a revision by its number, and the latest for 0", async (context) => {
  const { revisions, clock, first, set } = context;
  await first();
  clock.ms = 5_000;
  await set(2);
  assert.equal((await revisions.get("s", 1))?.createdAtMs, 1_000);
  assert.equal((await revisions.get("s", 0))?.version, 2);
  assert.equal((await revisions.get("s", 0))?.createdAtMs, 5_000);
  assert.equal(await revisions.get("s", 3), null);
  assert.equal(await revisions.get("t", 0), null);
  assert.deepEqual((await revisions.list("s", { limit: 1, offset: 1 })).length, 1);
});

revisionTest("takes reports", async ({ revisions, clock, first, set, statuses }) => {
  await first();
  await revisions.report("s", 1, null);
  await set(2);
  assert.deepEqual(await statuses(), ["2 pending", "1 loaded"]);
  assert.equal(await revisions.activeVersion("s"), 1);
  clock.ms = 9_000;
  await revisions.report("s", 2, null);
  await revisions.report("s", 2, null);
  await revisions.report("s", 1, null);
  assert.deepEqual(await statuses(), ["2 loaded", "1 superseded"]);
  assert.equal((await revisions.get("s", 2))?.loadedAtMs, 9_000);
  await assert.rejects(revisions.report("s", 3, null), refused("not_found", /no revision 3/));
});

revisionTest("keeps what was loaded where the next one fails", async (context) => {
  const { revisions, first, set, statuses } = context;
  await first();
  await revisions.report("s", 1, null);
  await set(2);
  assert.equal((await revisions.effective("s")).version, 2);
  await revisions.report("s", 2, "no room");
  assert.deepEqual(await statuses(), ["2 failed", "1 loaded"]);
  assert.equal((await revisions.get("s", 2))?.loadError, "no room");
  assert.equal((await revisions.effective("s")).version, 1);
  // Trying again is a further revision.
  assert.equal((await set(2)).version, 3);
});

revisionTest("leaves no trace of what it refuses", async (context) => {
  const { revisions, first, statuses } = context;
  await first();
  await assert.rejects(
    revisions.prove("s", new TextEncoder().encode("version: 2\n")),
    InvalidPolicyError,
  );
  const fixed = [
    { extra: "landlock: {compatibility: best_effort}", section: /landlock cannot change/ },
    { extra: "process: {run_as_user: sandbox}", section: /process cannot change/ },
    { extra: "filesystem_policy: {read_only: [/usr]}", section: /filesystem_policy cannot change/ },
  ];
  for (const { extra, section } of fixed) {
    const change = revisions.prove("s", document(2, extra));
    await assert.rejects(change, refused("invalid_argument", section));
  }
  await assert.rejects(revisions.prove("t", document(2)), refused("not_found", /has none/));
  await assert.rejects(revisions.setGlobal(new Uint8Array(), null), InvalidPolicyError);
  assert.deepEqual(await statuses(), ["1 pending"]);
});

revisionTest("puts a global policy before all others", async (context) => {
  const { revisions, first, set } = context;
  await first();
  assert.equal(await revisions.deleteGlobal(), false);
  const global = await revisions.setGlobal(document(9), null);
  assert.deepEqual(await revisions.setGlobal(document(9), null), { ...global, isNew: false });
  const effective = await revisions.effective("s");
  assert.equal(effective.isGlobal, true);
  assert.equal(effective.hash, global.hash);
  await assert.rejects(set(2), refused("failed_precondition", /global policy is in force/));
  // A supervisor that loaded the global one says nothing of revision 1 of its own.
  await revisions.report("s", 1, null);
  assert.equal((await revisions.get("s", 1))?.status, "pending");
  assert.equal((await revisions.get(GLOBAL_SCOPE, 0))?.status, "loaded");
  await assert.rejects(
    revisions.setGlobal(document(8), 7),
    refused("failed_precondition", /version 1 is in force/),
  );
  assert.equal((await revisions.setGlobal(document(8), 1)).version, 2);
  assert.equal(await revisions.deleteGlobal(), true);
  assert.equal((await revisions.effective("s")).isGlobal, false);
  assert.equal((await revisions.setGlobal(document(8), 0)).version, 3);
});

revisionTest("tells who follows", async ({ revisions }) => {
  const heard: string[] = [];
  const stop = revisions.subscribe("s", () => void heard.push("s"));
  revisions.subscribe("t", () => void heard.push("t"));
  revisions.notify("s");
  await revisions.setGlobal(document(9), null);
  stop();
  await revisions.deleteGlobal();
  assert.deepEqual(heard, ["s", "s", "t", "t"]);
});

revisionTest("removes what a sandbox had", async ({ store, revisions, first, set }) => {
  await first();
  await first("t");
  await set(2);
  await store.apply(await revisions.removal("s"));
  assert.equal(await revisions.get("s", 0), null);
  assert.equal((await revisions.get("t", 0))?.version, 1);
});

revisionTest("keeps a bounded number of revisions, and the loaded one", async (context) => {
  const { revisions, first, set } = context;
  await first();
  await revisions.report("s", 1, null);
  for (let port = 2; port <= POLICY_REVISIONS_MAX + 3; port++) await set(port);
  assert.equal((await revisions.get("s", 1))?.status, "loaded");
  assert.equal(await revisions.get("s", 2), null);
  assert.equal(await revisions.get("s", 3), null);
  assert.equal((await revisions.get("s", 4))?.status, "superseded");
});

const PROVED: ProofOutcome = {
  ...NOT_ASKED,
  verdict: "proved",
  engine: "exact",
  documents: "sha256:cd",
  warnings: ["metadata_reach"],
};

const UNPROVED = [
  { ...PROVED, verdict: "refuted", refusal: "claim:no is refuted: a request passes" },
  { ...PROVED, verdict: "unknown", refusal: "claim:no came to no answer: no time" },
] as const;

for (const outcome of UNPROVED) {
  revisionTest(`refuses what is ${outcome.verdict}, unless it is forced`, async (context) => {
    const { revisions, prover, first, set, statuses } = context;
    await first();
    await revisions.report("s", 1, null);
    prover.outcome = outcome;
    const isRefused = (error: unknown) =>
      error instanceof ProofRefusedError && error.code === "failed_precondition" &&
      error.message.includes(outcome.refusal);
    await assert.rejects(set(2), isRefused);
    await assert.rejects(revisions.prepareFirst("t", document(1)), isRefused);
    await assert.rejects(revisions.setGlobal(document(2), null), isRefused);
    assert.deepEqual(await statuses(), ["1 loaded"]);
    assert.equal(await revisions.globalDocument(), null);

    assert.equal((await set(2, {}, true)).version, 2);
    const { refusal: _refusal, ...kept } = outcome;
    const forced = { ...kept, isForced: true };
    assert.deepEqual((await revisions.get("s", 2))?.proof, forced);
    // Another reason for the same policy does not make it a proved one.
    await set(2, { why: "ticket 7" });
    assert.deepEqual((await revisions.get("s", 3))?.proof, forced);
    await revisions.setGlobal(document(2), null, true);
    assert.deepEqual((await revisions.get(GLOBAL_SCOPE, 1))?.proof, forced);
  });
}

revisionTest("keeps what came of a proof, and asks about nothing twice", async (context) => {
  const { revisions, prover, first, set } = context;
  await first();
  assert.equal((await revisions.get("s", 1))?.proof?.verdict, "not_asked");
  prover.outcome = PROVED;
  // Force that is not needed is none.
  await set(2, {}, true);
  const { refusal: _refusal, ...kept } = PROVED;
  assert.deepEqual((await revisions.get("s", 2))?.proof, { ...kept, isForced: false });
  await set(2);
  await revisions.setGlobal(document(9), null);
  await revisions.setGlobal(document(9), null);
  assert.equal(prover.asked.length, 3);
});

revisionTest("proves again what failed to load", async ({ revisions, prover, first, set }) => {
  await first();
  await set(2);
  await revisions.report("s", 2, "no room");
  prover.outcome = UNPROVED[0];
  await assert.rejects(set(2), ProofRefusedError);
});

revisionTest("takes no proven policy over one that came meanwhile", async (context) => {
  const { revisions, store, prover, first } = context;
  await first();
  const proven = await revisions.prove("s", document(2));
  const { writes } = await revisions.prepare("s", proven);
  await store.apply((await revisions.prepare("s", await revisions.prove("s", document(3)))).writes);
  await assert.rejects(store.apply(writes), ConflictError);
  prover.onAsked = async () => {
    prover.onAsked = () => Promise.resolve();
    await revisions.setGlobal(document(8), null);
  };
  await assert.rejects(
    revisions.setGlobal(document(9), null),
    refused("failed_precondition", /version 1 is in force, not 0/),
  );
  // Under a global policy, what was proved before is not the next one either.
  await assert.rejects(revisions.prepare("s", proven), refused("failed_precondition", /global/));
});
