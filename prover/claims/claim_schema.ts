/**
 * The keys of a claims document and the type of each. What the values mean is for
 * `validate_claim.ts`.
 *
 * @module
 */

import {
  integer,
  list,
  mapOf,
  type Read,
  type Reader,
  record,
  type RecordOf,
  text,
} from "../../policy-wasm/parse/reader.ts";

/** A text, or a list of texts, as a list. */
const words: Reader<readonly Read<string>[]> = (field, findings) => {
  if (field.node.kind === "list") return list(text)(field, findings);
  const value = text(field, findings);
  return value === undefined ? undefined : [{ field, written: true, value }];
};

const pattern = record({
  binary: text,
  host: text,
  port: integer,
  ports: list(integer),
  method: words,
  path: text,
  credential: text,
}, {
  what: "a claim's pattern",
  renamed: { methods: "method", provider: "credential", program: "binary", url: "path" },
});

const claim = record({ never: pattern, always: pattern, level: text, reason: text }, {
  what: "a claim",
  renamed: { severity: "level", why: "reason" },
});

/** Reads a whole document. */
export const claimsDocument = record({ version: integer, claims: mapOf(claim) }, {
  what: "a claims document",
  sections: ["claims"],
});

/** What is written about one claim. */
export type RawClaim = RecordOf<
  { never: typeof pattern; always: typeof pattern; level: typeof text; reason: typeof text }
>;
