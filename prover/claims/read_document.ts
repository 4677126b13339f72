/**
 * The way into every YAML document of the prover: bounded, decoded, and with its version checked.
 *
 * @module
 */

import { parseDocument } from "../../policy-wasm/parse/document.ts";
import { Findings } from "../../policy-wasm/parse/findings.ts";
import type { Read } from "../../policy-wasm/parse/reader.ts";
import { decodeSource, findForbiddenCharacters, sourceOf } from "../../policy-wasm/parse/source.ts";
import { Field } from "../../policy-wasm/parse/tree.ts";
import { POLICY_TEXT_BYTES_MAX } from "../../proto/limits.ts";

/** A document, and where to report what is wrong with it. */
export interface OpenDocument {
  readonly findings: Findings;
  /** `null` where the text is no YAML; that is reported. */
  readonly root: Field | null;
}

/** Reads a text as YAML or JSON. Never throws on bad input. */
export function readDocument(input: Uint8Array | string): OpenDocument {
  if (input.length > POLICY_TEXT_BYTES_MAX) {
    const findings = new Findings(sourceOf(""));
    const message = `The document is larger than ${POLICY_TEXT_BYTES_MAX} bytes`;
    findings.add("document_too_large", { start: 0, end: 0 }, message);
    return { findings, root: null };
  }
  const { source, fault } = decodeSource(input);
  const findings = new Findings(source);
  const faults = fault === null ? findForbiddenCharacters(source.text) : [fault];
  for (const { code, span, message } of faults) findings.add(code, span, message);
  const tree = faults.length > 0 ? null : parseDocument(source.text, findings);
  return { findings, root: tree === null ? null : new Field(tree) };
}

/** Reports a version that is missing, or not the one there is. `what` is as in `a registry`. */
export function checkVersion(
  version: Read<number>,
  { root, what, findings }: {
    readonly root: Field;
    readonly what: string;
    readonly findings: Findings;
  },
): void {
  const fix = "version: 1";
  if (!version.written) {
    findings.add("missing_key", root, `${capital(what)} needs a version`, { fix });
  } else if (version.value !== undefined && version.value !== 1) {
    const message = `Version ${version.value} is not known, should be 1`;
    findings.add("unsupported_version", version.field, message, { fix });
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
