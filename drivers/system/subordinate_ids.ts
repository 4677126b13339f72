/**
 * User and group ids that an ordinary user may hand out, as `/etc/subuid` and `/etc/subgid` say.
 *
 * Pure but for reading. See subuid(5): `name-or-number:first:count`, one range a line.
 *
 * @module
 */

/** Ids that follow each other. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** What one user has. */
export interface SubordinateIds {
  readonly uid: number;
  readonly gid: number;
  readonly uids: IdRange;
  readonly gids: IdRange;
}

/** Fewer would not be enough for some sandboxes at once; what tools give is 65,536. */
export const SUBORDINATE_IDS_MIN = 1_000;

/** Ids that can be had at all: the highest one stands for none. */
const ID_MAX = 0xffff_fffe;

type ReadText = (path: string) => string | null;

/**
 * Returns the largest range of each kind; `null` where one is missing or too small. One that holds the
 * user's own id is of no use: the kernel takes no id twice.
 */
export function readSubordinateIds(
  readText: ReadText,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): SubordinateIds | null {
  const names = [String(uid), ...findNames(readText("/etc/passwd") ?? "", uid)];
  const uids = findRange(readText("/etc/subuid") ?? "", names, uid);
  const gids = findRange(readText("/etc/subgid") ?? "", names, gid);
  return uids === null || gids === null ? null : { uid, gid, uids, gids };
}

function findNames(passwd: string, uid: number): readonly string[] {
  return passwd.split("\n").map((line) => line.split(":"))
    .filter(([, , id]) => id === String(uid)).map(([name = ""]) => name);
}

function findRange(text: string, names: readonly string[], own: number): IdRange | null {
  const ranges = text.split("\n").flatMap((line): readonly IdRange[] => {
    const [name = "", first = "", count = ""] = line.trim().split(":");
    if (!names.includes(name) || !/^\d+$/.test(first) || !/^\d+$/.test(count)) return [];
    return [{ first: Number(first), count: Number(count) }];
  });
  const usable = ranges.filter(({ first, count }) =>
    first > 0 && count >= SUBORDINATE_IDS_MIN && first + count - 1 <= ID_MAX &&
    (own < first || own >= first + count)
  );
  return usable.toSorted((a, b) => b.count - a.count)[0] ?? null;
}
