/**
 * The one canonical form of a policy document: two spaces of indentation, one way to write lists,
 * mappings and texts. Keys, comments, anchors and the order of everything stay as they are.
 *
 * @module
 */

import { parseDocument } from "yaml";

/** Returns the canonical text of a document that `parsePolicy` found valid. */
export function formatPolicy(text: string): string {
  // Lines are never folded: a folded text is harder to read than a long one.
  return parseDocument(text).toString({ indent: 2, indentSeq: true, lineWidth: 0 });
}
