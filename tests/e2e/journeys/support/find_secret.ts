/**
 * Looks for a secret where a sandbox may keep it: in the memory of its processes, and in files. It
 * is found also in the forms that programs give it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { closeSync, openSync, readSync } from "node:fs";

/** Bytes of memory that are read at a time. */
const CHUNK_BYTES = 1024 * 1024;
const PAGE_BYTES = 4096;
/** Pages that are asked about at a time, and bytes of what `pagemap` says of one. */
const PAGE_ENTRIES = 8192;
const ENTRY_BYTES = 8;
/** In the last byte of an entry of `pagemap`: the page is in memory, or in swap. */
const PAGE_THERE = 0b1100_0000;

/** Returns what to look for, as Latin-1: the text, in two bytes a character, and inside of Base64. */
export function formsOf(secret: string): readonly string[] {
  const encoded = [0, 1, 2].map((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]);
    // Its ragged edges depend on what stands beside it.
    return bytes.toString("base64").replace(/=+$/, "").slice(offset === 0 ? 0 : offset + 1, -1);
  });
  return [secret, Buffer.from(secret, "utf16le").toString("latin1"), ...encoded];
}

/** Which of the texts a process holds, and how many bytes were looked through. */
export interface MemorySearch {
  readonly found: readonly string[];
  readonly bytes: number;
}

/** Looks through the memory of a process, but for files that it can only read. */
export function searchMemory(pid: number, texts: readonly string[]): MemorySearch {
  const found = new Set<string>();
  const any = new RegExp(texts.map(RegExp.escape).join("|"));
  const overlap = Math.max(...texts.map(({ length }) => length));
  const buffer = Buffer.alloc(CHUNK_BYTES + overlap);
  let total = 0;
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const pages = openSync(`/proc/${pid}/pagemap`, "r");
  try {
    for (const region of regionsOf(pid)) {
      for (const { start, end } of presentIn(region, pages)) {
        for (let at = start; at < end; at += CHUNK_BYTES) {
          const bytes = readSome(memory, buffer.subarray(0, Math.min(end - at, buffer.length)), at);
          total += bytes.length;
          const held = bytes.toString("latin1");
          // Far faster than to look for each.
          if (!any.test(held)) continue;
          for (const text of texts) if (held.includes(text)) found.add(text);
        }
      }
    }
  } finally {
    closeSync(memory);
    closeSync(pages);
  }
  return { found: [...found], bytes: total };
}

/** A range of addresses. */
interface Region {
  readonly start: number;
  readonly end: number;
}

/** What belongs to a file and cannot be written has been in the file since before there was a key. */
function regionsOf(pid: number): readonly Region[] {
  const text = Deno.readTextFileSync(`/proc/${pid}/maps`);
  const lines = text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r(.).. \S+ \S+ (\d+) *(.*)$/gm);
  return [...lines]
    .filter(([, , , write, inode]) => write === "w" || inode === "0")
    .filter(([, , , , , name = ""]) => !/^\[v(?:var|syscall|dso)/.test(name))
    .map(([, from = "", to = ""]) => ({ start: parseInt(from, 16), end: parseInt(to, 16) }));
}

/** Programs of JavaScript reserve far more than they use: yields what has pages, without gaps. */
function* presentIn({ start, end }: Region, pages: number): Generator<Region> {
  const entries = Buffer.alloc(PAGE_ENTRIES * ENTRY_BYTES);
  let began: number | null = null;
  for (let at = start; at < end; at += PAGE_ENTRIES * PAGE_BYTES) {
    const count = Math.min(PAGE_ENTRIES, (end - at) / PAGE_BYTES);
    const read = readSync(pages, entries, 0, count * ENTRY_BYTES, at / PAGE_BYTES * ENTRY_BYTES);
    for (let index = 0; index < count; index += 1) {
      const last = index * ENTRY_BYTES + ENTRY_BYTES - 1;
      const isThere = last < read && (entries[last]! & PAGE_THERE) !== 0;
      const address = at + index * PAGE_BYTES;
      if (isThere) began ??= address;
      else if (began !== null) {
        yield { start: began, end: address };
        began = null;
      }
    }
  }
  if (began !== null) yield { start: began, end };
}

/** A region may go while this looks. */
function readSome(file: number, buffer: Buffer, position: number): Buffer {
  try {
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, position));
  } catch {
    return buffer.subarray(0, 0);
  }
}

/** Returns the paths of files below a folder that hold one of the texts. */
export async function searchFiles(
  folder: string,
  texts: readonly string[],
): Promise<readonly string[]> {
  const holders: string[] = [];
  for (const { name, isDirectory, isFile } of await orGone(Array.fromAsync(Deno.readDir(folder)))) {
    const path = `${folder}/${name}`;
    if (isDirectory) holders.push(...await searchFiles(path, texts));
    else if (isFile) {
      const held = Buffer.from(await orGone(Deno.readFile(path))).toString("latin1");
      if (texts.some((text) => held.includes(text))) holders.push(path);
    }
  }
  return holders;
}

/** Files come and go while this looks. */
async function orGone<T>(reading: Promise<T>): Promise<T | []> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
