/**
 * What requests to well-known interfaces do: YAML data, parsed as strictly as a policy.
 *
 * @module
 */

import type { Diagnostic } from "../../policy-wasm/diagnostic.ts";
import { parseGlob } from "../../policy-wasm/glob/glob.ts";
import { KNOWN_METHODS } from "../../policy-wasm/methods.ts";
import type { Findings } from "../../policy-wasm/parse/findings.ts";
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
import { validateHost } from "../../policy-wasm/validate/host.ts";
import { checkPathGlob } from "../../policy-wasm/validate/glob.ts";
import { oneOf, placed, readable } from "../../policy-wasm/validate/place.ts";
import { checkVersion, readDocument } from "../claims/read_document.ts";
import type { Matcher } from "../space/matcher.ts";
import builtin from "./apis.yaml" with { type: "text" };
import { RegistryError } from "./registry.ts";

/** How bad an action is. `destructive` is what nobody can take back. */
export type Effect = "read" | "write" | "destructive";

/** What one kind of request does. */
export interface ApiAction {
  /** A clause without a subject, as in `deletes a repository`. */
  readonly name: string;
  readonly effect: Effect;
  /** Upper case; `*` for any. */
  readonly methods: readonly string[];
  /** Path glob. */
  readonly path: string;
}

/** An interface, by its host. */
export interface Api {
  readonly description: string;
  /** The first that matches says what a request does. */
  readonly actions: readonly ApiAction[];
}

export type Apis = ReadonlyMap<string, Api>;

/** What is asked about. */
export interface ApiRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
}

/** Returns what a request does, `null` where nobody described it. */
export function actionOf(
  apis: Apis,
  { host, method, path }: ApiRequest,
  matcher: Matcher,
): ApiAction | null {
  const wanted = method === "HEAD" ? "GET" : method;
  return apis.get(host)?.actions.find(({ methods, path: pattern }) =>
    (methods.includes("*") || methods.includes(wanted)) && matcher.matches(pattern, "path", path)
  ) ?? null;
}

const EFFECTS: readonly Effect[] = ["read", "write", "destructive"];

/** A text, or a list of texts, as a list. */
const words: Reader<readonly Read<string>[]> = (field, findings) => {
  if (field.node.kind === "list") return list(text)(field, findings);
  const value = text(field, findings);
  return value === undefined ? undefined : [{ field, written: true, value }];
};

const action = record({ name: text, effect: text, method: words, path: text }, {
  what: "an action",
  renamed: { methods: "method" },
});

const api = record({ description: text, actions: list(action) }, { what: "an interface" });

const document = record({ version: integer, apis: mapOf(api) }, { what: "a list of interfaces" });

type RawAction = RecordOf<
  { name: typeof text; effect: typeof text; method: typeof words; path: typeof text }
>;

/** Parses a document. `apis` is `null` exactly when some diagnostic is an error. */
export function parseApis(
  input: Uint8Array | string,
): { readonly apis: Apis | null; readonly diagnostics: readonly Diagnostic[] } {
  const { findings, root } = readDocument(input);
  const raw = root === null ? undefined : document(root, findings);
  const apis = new Map<string, Api>();
  if (root !== null && raw !== undefined) {
    checkVersion(raw.version, { root, what: "a list of interfaces", findings });
    if (!raw.apis.written) findings.add("missing_key", root, "A list of interfaces needs apis");
  }
  for (const { field, value } of raw?.apis.value ?? []) {
    if (value === undefined) continue;
    const written = { field, value: String(field.origin?.step) };
    const host = validateHost(written, undefined, findings);
    if (!value.description.written || !value.actions.written) {
      findings.add("missing_key", field, "An interface needs description and actions");
    }
    const actions = readable(value.actions).flatMap((one) => actionFrom(one.value, findings) ?? []);
    if (host !== undefined) apis.set(host, { description: value.description.value ?? "", actions });
  }
  const diagnostics = findings.finish();
  const isUsable = diagnostics.every(({ severity }) => severity !== "error");
  return { apis: isUsable ? apis : null, diagnostics };
}

function actionFrom(raw: RawAction, findings: Findings): ApiAction | undefined {
  const [name, effect, path] = [placed(raw.name), placed(raw.effect), placed(raw.path)];
  const missing = (["name", "effect", "method", "path"] as const).filter((key) =>
    !raw[key].written
  );
  if (missing.length > 0) {
    findings.add("missing_key", raw.at, `An action needs ${missing.join(", ")} as well`);
  }
  const methods = readable(raw.method);
  for (const { field, value } of methods) {
    if (value === "*" || KNOWN_METHODS.includes(value)) continue;
    findings.add("unknown_method", field, `${value} is not a request method`);
  }
  if (path !== null) checkPathGlob(path, { allowEncodedSlash: true }, findings);
  const known = effect === null
    ? undefined
    : oneOf(effect, EFFECTS, { code: "wrong_type", findings });
  if (name === null || path === null || known === undefined) return undefined;
  if (!parseGlob(path.value, "path").ok) return undefined;
  return {
    name: name.value,
    effect: known,
    methods: methods.map(({ value }) => value),
    path: path.value,
  };
}

/**
 * Returns the interfaces that are part of the program.
 *
 * @throws {RegistryError}
 */
export function builtinApis(): Apis {
  const { apis, diagnostics } = parseApis(builtin);
  if (apis === null) throw new RegistryError("apis.yaml", diagnostics);
  return apis;
}
