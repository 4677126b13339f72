/**
 * An ordinary user for a world under test: one that the machine gets for it, and nobody else has.
 *
 * Account files of its own stand in for the host's, in the machine's mount namespace alone.
 *
 * @module
 */

/** Who runs OpenShell in a world; root by default. */
export interface OrdinaryUser {
  readonly uid: number;
  readonly gid: number;
  /** Texts of the machine's account files, by path. */
  readonly files: Readonly<Record<string, string>>;
}

/** Below the numbers of sandboxes, and above what people and distributions use. */
const UID_MIN = 500_000_000;
const SUBORDINATE_MIN = 600_000_000;
const SUBORDINATE_COUNT = 65_536;
const USERS = 10_000;

/** Returns a user whose ids no other world has at the same time. */
export function makeOrdinaryUser(): OrdinaryUser {
  const number = (Deno.pid + crypto.getRandomValues(new Uint16Array(1))[0]! * 7919) % USERS;
  const uid = UID_MIN + number;
  const range = `person:${SUBORDINATE_MIN + number * SUBORDINATE_COUNT}:${SUBORDINATE_COUNT}\n`;
  return {
    uid,
    gid: uid,
    files: {
      "/etc/passwd":
        `root:x:0:0:root:/root:/bin/sh\nperson:x:${uid}:${uid}::/nonexistent:/bin/sh\n`,
      "/etc/group": `root:x:0:\nperson:x:${uid}:\n`,
      "/etc/subuid": range,
      "/etc/subgid": range,
    },
  };
}

/** Returns the command that runs `command` as that user, with no more rights than a login gives. */
export function asUser(
  { uid, gid }: OrdinaryUser,
  command: readonly string[],
): readonly string[] {
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--inh-caps=-all"];
  return ["setpriv", ...ids, "--", ...command];
}
