/**
 * The handle of a credential whose value changes by itself.
 *
 * It stays the same over all values of one authorization, so that a program that runs goes on with
 * the placeholder it has. Another authorization, or other places, make another one, and the former
 * opens nothing.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { createHash } from "node:crypto";

export interface HandleParts {
  readonly sandboxId: string;
  readonly providerId: string;
  readonly key: string;
  /** Of the authorization. */
  readonly epoch: string;
  readonly endpoints: readonly {
    readonly host: string;
    readonly port: number;
    readonly path: string;
  }[];
}

/** Returns `s` and 64 hexadecimal digits. */
export function stableHandle(parts: HandleParts): string {
  const { sandboxId, providerId, key, epoch, endpoints } = parts;
  const places = endpoints.map(({ host, port, path }) => JSON.stringify([host, port, path]));
  const text = JSON.stringify([sandboxId, providerId, key, epoch, [...new Set(places)].sort()]);
  return `s${createHash("sha256").update(text).digest("hex")}`;
}
