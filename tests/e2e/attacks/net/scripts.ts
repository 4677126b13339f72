/**
 * Pieces of the scripts that attack the network.
 *
 * @module
 */

import type { WantedEvent } from "../../support/events.ts";
import { quote } from "../../support/probes.ts";
import type { Mode, Trial } from "../support/attack.ts";

/** Where the network decides. */
export const ALL_MODES: readonly Mode[] = ["enforce", "audit", "after-reload"];

/** Returns a script of Python that has the functions of `kit.py`. */
export function python(code: string): string {
  return `PYTHONPATH=/sandbox python3 -S -c ${quote(`from kit import *\n${code}`)}`;
}

/** Returns a trial by a script of Python. */
export function pythonTrial(code: string, shows: RegExp): Trial {
  return { script: python(code), shows };
}

/** Returns a literal of Python for bytes, one byte a character. */
export function bytes(text: string): string {
  const escaped = [...text].map((character) => {
    const code = character.charCodeAt(0);
    if (character === "\\" || character === '"') return `\\${character}`;
    return code >= 0x20 && code < 0x7f ? character : `\\x${code.toString(16).padStart(2, "0")}`;
  }).join("");
  return `b"${escaped}"`;
}

export function connection(
  host: string,
  port: number,
  reason?: string,
  more: Partial<WantedEvent> = {},
): WantedEvent {
  return {
    kind: "connection",
    host,
    port,
    verdict: "denied",
    ...reason !== undefined && { reason },
    ...more,
  };
}

export function request(
  host: string,
  port: number,
  reason: string | undefined,
  more: Partial<WantedEvent> = {},
): WantedEvent {
  return {
    kind: "request",
    host,
    port,
    verdict: "denied",
    ...reason !== undefined && { reason },
    ...more,
  };
}
