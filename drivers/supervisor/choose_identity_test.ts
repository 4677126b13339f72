import assert from "node:assert/strict";
import { readPolicy } from "./read_policy.ts";
import { chooseIdentity, type Identity } from "./choose_identity.ts";

const SANDBOX = { uid: 100_005, gid: 100_007 };
const PERSON = { uid: 1000, gid: 1001 };

function choose(process: string, own: Identity | null, ...writable: readonly boolean[]): Identity {
  const text = `version: 1\n${process === "" ? "" : `process: {${process}}\n`}`;
  const policy = readPolicy(new TextEncoder().encode(text));
  const binds = writable.map((writable) => ({ source: "/a", target: "/a", writable }));
  const sandbox = { binds } as unknown as Parameters<typeof chooseIdentity>[0]["assignment"][
    "sandbox"
  ];
  return chooseIdentity({ assignment: { identity: SANDBOX, sandbox }, policy, own });
}

Deno.test.each([
  { name: "the sandbox's own", process: "", own: null, binds: [true], want: SANDBOX },
  {
    name: "the policy's number, for root",
    process: 'run_as_user: "5000"',
    own: null,
    binds: [],
    want: { uid: 5000, gid: SANDBOX.gid },
  },
  { name: "the sandbox's own, rootless", process: "", own: PERSON, binds: [], want: SANDBOX },
  {
    name: "the sandbox's own, rootless with a read-only bind",
    process: "run_as_user: sandbox",
    own: PERSON,
    binds: [false],
    want: SANDBOX,
  },
  {
    name: "the person's, rootless with a writable bind",
    process: "",
    own: PERSON,
    binds: [false, true],
    want: PERSON,
  },
  {
    name: "the person's, asked for by number",
    process: 'run_as_user: "1000", run_as_group: "1001"',
    own: PERSON,
    binds: [true],
    want: PERSON,
  },
])("chooseIdentity() is $name", ({ process, own, binds, want }) => {
  assert.deepEqual(choose(process, own, ...binds), want);
});

Deno.test.each([
  { name: "a user that only root can choose", process: 'run_as_user: "5000"' },
  { name: "a group that only root can choose", process: 'run_as_group: "5000"' },
  { name: "the person without a writable bind", process: 'run_as_user: "1000"' },
])("chooseIdentity() refuses $name", ({ process }) => {
  assert.throws(() => choose(process, PERSON), {
    name: "IdentityError",
    code: "failed_precondition",
  });
});
