/**
 * Policy documents of a gateway as text for a person.
 *
 * A module of its own, free of the wire, so that showing one does not load it.
 *
 * @module
 */

import { stringify } from "yaml";
import type { Json } from "./types.ts";

/** Returns the YAML of a document, empty for none. */
export function toPolicyText(document: Json): string {
  return document === null ? "" : stringify(document, { lineWidth: 0 });
}
