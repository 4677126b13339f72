/**
 * How audit events hang together: each line holds its number and the hash of the line before.
 *
 * Whoever edits, moves or removes a line breaks the chain after it. The chain has no key: who may
 * write the file can also compute a new chain. A head that was noted elsewhere shows that too.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { OcsfRecord } from "../../../proto/ocsf.ts";

/** Where a chain stands: the number of its last line, from 1, and the hash of that line. */
export interface ChainHead {
  readonly seq: number;
  /** SHA-256 of the line without its line feed, in hex. */
  readonly hash: string;
}

/** A line that was read. */
export interface ChainedRecord {
  readonly record: OcsfRecord;
  readonly seq: number;
  /** Hash of the line before. */
  readonly prev: string;
}

/** Returns the head of a chain without lines. The id is that of the sandbox. */
export function emptyHead(id: string): ChainHead {
  return { seq: 0, hash: sha256(id) };
}

/** Returns the next line, without its line feed, and the head after it. */
export function chainLine(
  record: OcsfRecord,
  head: ChainHead,
): { readonly line: Uint8Array; readonly head: ChainHead } {
  const { unmapped, ...rest } = record;
  const seq = head.seq + 1;
  const chain = { seq, prev: head.hash };
  const line = new TextEncoder().encode(
    JSON.stringify({ ...rest, unmapped: { ...unmapped, chain } }),
  );
  return { line, head: { seq, hash: sha256(line) } };
}

/** Reads a line, or returns `null` where it is none of ours. */
export function readChained(line: Uint8Array): ChainedRecord | null {
  const record = parse(line);
  if (!isMap(record) || !isMap(record["unmapped"])) return null;
  const { chain } = record["unmapped"];
  if (!isMap(chain) || !isWhole(chain["seq"]) || typeof chain["prev"] !== "string") return null;
  const { class_uid: type, time, severity_id: severity } = record;
  if (!isWhole(type) || typeof time !== "number" || !isWhole(severity)) return null;
  return {
    record: record as unknown as OcsfRecord,
    seq: chain["seq"],
    prev: chain["prev"],
  };
}

/** Returns the SHA-256 of text or bytes, in hex. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function parse(line: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
