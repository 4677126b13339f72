/**
 * What well-known programs can do: YAML data, parsed as strictly as a policy.
 *
 * @module
 */

import type { Diagnostic } from "../../policy-wasm/diagnostic.ts";
import { flag, integer, mapOf, record, text } from "../../policy-wasm/parse/reader.ts";
import { quote } from "../../policy-wasm/parse/source.ts";
import { CodedError } from "../../proto/errors.ts";
import { checkVersion, readDocument } from "../claims/read_document.ts";
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

  constructor(
    readonly file: string,
    readonly diagnostics: readonly Diagnostic[],
    options?: ErrorOptions,
  ) {
    super(`Cannot load "${file}": ${diagnostics[0]?.message ?? "it is empty"}`, options);
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
  const { findings, root } = readDocument(input);
  const raw = root === null ? undefined : document(root, findings);
  const registry = new Map<string, BinaryTraits>();
  if (root !== null && raw !== undefined) {
    checkVersion(raw.version, { root, what: "a registry", findings });
    if (!raw.binaries.written) findings.add("missing_key", root, "A registry needs binaries");
  }
  for (const { field, value } of raw?.binaries.value ?? []) {
    if (value === undefined) continue;
    const name = String(field.origin?.step);
    if (name === "" || name.includes("/")) {
      const message = `${quote(name)} should be the name of a program, without a folder`;
      findings.add("wrong_type", field, message);
    }
    const { description, exfiltrates, makes_http, own_protocol } = value;
    const all = { description, exfiltrates, makes_http, own_protocol };
    const missing = Object.entries(all).flatMap(([key, { written }]) => written ? [] : [key]);
    if (missing.length > 0) {
      findings.add("missing_key", field, `A binary needs ${missing.join(", ")} as well`);
    }
    registry.set(name, {
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
 * Returns what is known about an executable, by its name and then by the name without a version:
 * `python3.13`, `python3`, `python`.
 */
export function traitsOfName(registry: Registry, name: string): BinaryTraits {
  const names = [name];
  while (/[-.]?[0-9]+$/.test(names.at(-1)!)) names.push(names.at(-1)!.replace(/[-.]?[0-9]+$/, ""));
  return names.map((one) => registry.get(one)).find((traits) => traits !== undefined) ??
    UNKNOWN_BINARY;
}

/**
 * Returns the registry that is part of the program.
 *
 * @throws {RegistryError}
 */
export function builtinRegistry(): Registry {
  const { registry, diagnostics } = parseRegistry(builtin);
  if (registry === null) throw new RegistryError("binaries.yaml", diagnostics);
  return registry;
}
