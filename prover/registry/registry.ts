/**
 * What well-known programs can do: YAML data, parsed as strictly as a policy.
 *
 * @module
 */

import type { Diagnostic } from "../../policy-wasm/diagnostic.ts";
import { parseDocument } from "../../policy-wasm/parse/document.ts";
import { Findings } from "../../policy-wasm/parse/findings.ts";
import { flag, integer, mapOf, record, text } from "../../policy-wasm/parse/reader.ts";
import { decodeSource, findForbiddenCharacters } from "../../policy-wasm/parse/source.ts";
import { Field } from "../../policy-wasm/parse/tree.ts";
import { CodedError } from "../../proto/errors.ts";
import builtin from "./binaries.yaml" with { type: "text" };

/** What one program can do with a connection. */
export interface BinaryTraits {
  readonly description: string;
  /** Can send data that it read elsewhere. */
  readonly exfiltrates: boolean;
  /** Can make HTTP requests of its user's choice. */
  readonly makesHttp: boolean;
  /** Speaks a protocol of its own, which request rules do not judge. */
  readonly hasOwnProtocol: boolean;
}

/** Programs by the name of their executable. */
export type Registry = ReadonlyMap<string, BinaryTraits>;

/** What a program can do that nobody described. */
export const UNKNOWN_BINARY: BinaryTraits = {
  description: "Not in the registry",
  exfiltrates: true,
  makesHttp: true,
  hasOwnProtocol: false,
};

/** The registry that is part of the program has errors. */
export class RegistryError extends CodedError {
  override readonly name = "RegistryError";
  override readonly code = "internal";

  constructor(readonly diagnostics: readonly Diagnostic[], options?: ErrorOptions) {
    super(`Cannot load "binaries.yaml": ${diagnostics[0]?.message ?? "it is empty"}`, options);
  }
}

const binary = record({
  description: text,
  exfiltrates: flag,
  makes_http: flag,
  own_protocol: flag,
}, { what: "a binary" });

const document = record({ version: integer, binaries: mapOf(binary) }, { what: "a registry" });

/** Parses a registry document. `registry` is `null` exactly when some diagnostic is an error. */
export function parseRegistry(
  input: Uint8Array | string,
): { readonly registry: Registry | null; readonly diagnostics: readonly Diagnostic[] } {
  const { source, fault } = decodeSource(input);
  const findings = new Findings(source);
  const faults = fault === null ? findForbiddenCharacters(source.text) : [fault];
  for (const { code, span, message } of faults) findings.add(code, span, message);
  const tree = faults.length > 0 ? null : parseDocument(source.text, findings);
  const raw = tree === null ? undefined : document(new Field(tree), findings);
  const registry = new Map<string, BinaryTraits>();
  if (raw !== undefined && raw.version.value !== 1) {
    findings.add("unsupported_version", raw.version.field, "The registry needs version 1");
  }
  for (const { field, value } of raw?.binaries.value ?? []) {
    if (value === undefined) continue;
    const { description, exfiltrates, makes_http, own_protocol } = value;
    const all = [description, exfiltrates, makes_http, own_protocol];
    if (all.some(({ written }) => !written)) {
      const message = "A binary needs description, exfiltrates, makes_http and own_protocol";
      findings.add("missing_key", field, message);
    }
    registry.set(String(field.origin?.step), {
      description: description.value ?? "",
      exfiltrates: exfiltrates.value ?? true,
      makesHttp: makes_http.value ?? true,
      hasOwnProtocol: own_protocol.value ?? false,
    });
  }
  const diagnostics = findings.finish();
  const isUsable = diagnostics.every(({ severity }) => severity !== "error");
  return { registry: isUsable ? registry : null, diagnostics };
}

/**
 * Returns the registry that is part of the program.
 *
 * @throws {RegistryError}
 */
export function builtinRegistry(): Registry {
  const { registry, diagnostics } = parseRegistry(builtin);
  if (registry === null) throw new RegistryError(diagnostics);
  return registry;
}
