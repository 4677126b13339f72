/**
 * A short name of a finding that stays the same when lines move.
 *
 * @module
 */

import type { Finding } from "../../prover/report.ts";

/** 64 bits of FNV-1a: names, not secrets, and no more than some hundred of them. */
const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/** Returns 16 hexadecimal digits. */
export function fingerprintOf(question: string, finding: Finding): string {
  const { role, rule, endpoint, requestRule, witness } = finding;
  const request = witness === null
    ? null
    : [witness.caller.binary, witness.target, witness.method, witness.path];
  const text = JSON.stringify([question, role, rule, endpoint, requestRule, request]);
  let hash = OFFSET;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME);
  }
  return hash.toString(16).padStart(16, "0");
}
