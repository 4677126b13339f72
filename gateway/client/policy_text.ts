/**
 * Policy documents of a gateway as text for a person.
 *
 * A module of its own, free of the wire, so that showing one does not load it.
 *
 * @module
 */

import type { Json } from "./types.ts";

/** Returns the YAML of a document, empty for none. */
export async function toPolicyText(document: Json): Promise<string> {
  if (document === null) return "";
  // Loading it takes longer than most calls.
  const { stringify } = await import("yaml");
  return stringify(document, { lineWidth: 0 });
}
