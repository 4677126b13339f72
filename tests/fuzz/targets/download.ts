/**
 * Streams of files from a sandbox: what is written stays in the folder, and links lead nowhere else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { pack } from "tar-stream";
import { Extractor } from "../../../cli/transfer/extract_files.ts";
import { CodedError } from "../../../proto/errors.ts";
import type { Chance } from "../../differential/generate.ts";
import { mutate } from "../mutate.ts";
import { chanceOf, latin1Bytes, latin1Text, split, type Target } from "../target.ts";

export const DOWNLOAD: Target = {
  name: "download",
  holds: "a stream of files stays in its folder, with all of its links",
  iterations: 120,
  generate: (chance) => {
    const input = SAMPLES[chance.below(SAMPLES.length)]!;
    const other = SAMPLES[chance.below(SAMPLES.length)]!;
    const keepsLength = !chance.once(4);
    const options = { words: WORDS, other, keepsLength };
    const changed = chance.once(6) ? input : mutate(input, chance, options);
    return chance.once(4) ? changed : withChecksums(changed);
  },
  check,
};

const WORDS = [
  "../",
  "/etc/passwd",
  "./",
  "a/",
  "link",
  "\0",
  "\x80\0\0\0\0\0\0\x01",
  "77777777777",
  "ustar\x0000",
  "30 path=../../x\n",
  "0",
  "1",
  "2",
  "5",
  "x",
  "L",
  "g",
];

interface Entry {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink" | "link";
  readonly linkname?: string;
  readonly content?: string;
}

const NAMES = [
  ..."a/b b c/d e/f/g ./a/h link link2 link/x i/ j/ k l m/n/o p q".split(" "),
  "d".repeat(120) + "/e",
];

const TARGETS = ["a", "../a", "a/b", "link", ".", "../..", "a/../..", "..", "/etc", "link/..", "b"];

function anyEntry(chance: Chance): Entry {
  const type = chance.of(["file", "file", "directory", "symlink", "link"] as const);
  const name = chance.of(NAMES);
  if (type === "file") return { name, type, content: "x".repeat(chance.below(700)) };
  if (type === "directory") return { name, type };
  return { name, type, linkname: chance.of(TARGETS) };
}

const SAMPLES: readonly Uint8Array[] = await Promise.all(
  Array.from({ length: 60 }, (_, seed) => seed).map(async (seed) => {
    const chance = chanceOf(Uint8Array.of(seed));
    return await tarOf(chance.some(1, 3, () => anyEntry(chance)));
  }),
);

async function tarOf(entries: readonly Entry[]): Promise<Uint8Array> {
  const packer = pack();
  for (const { content = "", ...header } of entries) packer.entry({ ...header }, content);
  packer.finalize();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of packer) chunks.push(Uint8Array.from(chunk as Uint8Array));
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

const BLOCK = 512;

/** Makes headers whole again, so that more than their checksums is read. */
function withChecksums(input: Uint8Array): Uint8Array {
  const bytes = input.slice();
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    if (latin1Text(block.subarray(257, 262)) !== "ustar") continue;
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.set(latin1Bytes(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  }
  return bytes;
}

async function check(input: Uint8Array): Promise<void> {
  const outer = await Deno.makeTempDir({ prefix: "openshell-fuzz-" });
  const folder = `${outer}/in`;
  try {
    await Deno.mkdir(folder);
    const isWhole = await extract(folder, input);
    const around = [...Deno.readDirSync(outer)].map(({ name }) => name);
    assert.deepEqual(around, ["in"], "something was written beside the folder");
    checkInside(folder, folder, isWhole);
  } finally {
    await Deno.remove(outer, { recursive: true });
  }
}

async function extract(folder: string, input: Uint8Array): Promise<boolean> {
  const extractor = new Extractor(folder);
  try {
    for (const piece of split(input, chanceOf(input))) await extractor.write(piece);
    await extractor.finish();
    return true;
  } catch (error) {
    await extractor.abort();
    if (error instanceof CodedError) return false;
    throw error;
  }
}

function checkInside(root: string, folder: string, isWhole: boolean): void {
  for (const { name, isDirectory, isSymlink, isFile } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) checkInside(root, path, isWhole);
    else if (!isSymlink) assert.ok(isFile, "something other than a file was made");
    else checkLink(root, path);
  }
}

function checkLink(root: string, path: string): void {
  const target = Deno.readLinkSync(path);
  assert.ok(!target.startsWith("/"), "a link is absolute");
  const { pathname } = new URL(
    target.split("/").map(encodeURIComponent).join("/"),
    `file://${path}`,
  );
  assert.ok(
    pathname === root || pathname.startsWith(`${root}/`) || `${root}/` === pathname,
    target,
  );
  try {
    const real = Deno.realPathSync(path);
    assert.ok(real === root || real.startsWith(`${root}/`), `a link leads to ${real}`);
  } catch {
    // It leads nowhere.
  }
}
