/**
 * Names of the files that hold one chain, and how to open all of them at one moment.
 *
 * `events.jsonl` is written to. Before it are `events.000000000001.jsonl` and so on, each named
 * after the number of its first event.
 *
 * @module
 */

/** A file of a chain. */
export interface EventFile {
  readonly path: string;
  /** Number of the first event; `null` for the file that is written to. */
  readonly firstSeq: number | null;
}

/** A file of a chain, open for reading. */
export interface OpenEventFile extends EventFile {
  readonly file: Deno.FsFile;
  /** Bytes at the moment of opening. */
  readonly size: number;
  /** Tells files apart whatever they are called. */
  readonly identity: string;
}

const SUFFIX = ".jsonl";
const SEQ_DIGITS = 12;

/** Returns the path of a finished file. */
export function finishedPath(path: string, firstSeq: number): string {
  return `${stemOf(path)}.${String(firstSeq).padStart(SEQ_DIGITS, "0")}${SUFFIX}`;
}

/** Returns where the unreadable end of a file is kept; `seq` is of the event that says so. */
export function tornPath(path: string, seq: number): string {
  return `${stemOf(path)}.torn-${String(seq).padStart(SEQ_DIGITS, "0")}`;
}

/** Returns the finished files, oldest first. */
export function listFinished(path: string): readonly (EventFile & { readonly firstSeq: number })[] {
  const { folder, name } = splitPath(stemOf(path));
  return entriesOf(folder)
    .flatMap((entry) => {
      if (!entry.startsWith(`${name}.`) || !entry.endsWith(SUFFIX)) return [];
      const seq = entry.slice(name.length + 1, -SUFFIX.length);
      if (seq.length < SEQ_DIGITS || !/^[0-9]{12,15}$/.test(seq)) return [];
      return [{ path: `${folder}/${entry}`, firstSeq: Number(seq) }];
    })
    .sort((a, b) => a.firstSeq - b.firstSeq);
}

/** Returns the name of a file without its folder. */
export function nameOf(path: string): string {
  return splitPath(path).name;
}

function identityOf({ dev, ino }: Deno.FileInfo): string {
  return `${dev}:${ino}`;
}

/** Another attempt is due when a file moved between listing and opening. */
const ATTEMPTS_MAX = 10;

/** Opens all files of a chain, oldest first. The caller closes them. */
export function openEventFiles(path: string): readonly OpenEventFile[] {
  for (let attempt = 1;; attempt++) {
    const before = namesOf(path);
    const opened = tryOpenAll(path);
    if (attempt === ATTEMPTS_MAX || namesOf(path) === before) return opened;
    for (const { file } of opened) file.close();
  }
}

/** Returns what changes when a file is finished, made or removed. */
function namesOf(path: string): string {
  const names = listFinished(path).map((file) => file.path);
  return [...names, identityAt(path) ?? ""].join("\n");
}

/** A file that goes missing meanwhile was the oldest: its events are past keeping. */
function tryOpenAll(path: string): readonly OpenEventFile[] {
  const files: readonly EventFile[] = [...listFinished(path), { path, firstSeq: null }];
  return files.flatMap((entry) => {
    const file = openIfThere(entry.path);
    if (file === null) return [];
    const info = file.statSync();
    return [{ ...entry, file, size: info.size, identity: identityOf(info) }];
  });
}

/** Returns the identity of the file at a path, or `null` where there is none. */
export function identityAt(path: string): string | null {
  try {
    return identityOf(Deno.statSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function openIfThere(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function stemOf(path: string): string {
  return path.endsWith(SUFFIX) ? path.slice(0, -SUFFIX.length) : path;
}

function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { folder: slash < 0 ? "." : path.slice(0, slash), name: path.slice(slash + 1) };
}
