/**
 * Reads the cases of `cases/`: for each question, policies and the answer that is due.
 *
 * A file has `rules` by name, as they stand in a policy (without `binaries` they are for `curl`),
 * and cases that put policies together from them. Each rule is parsed alone and then joined, so
 * that a case can hold what `policy check` refuses in one document.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { parse, stringify } from "yaml";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import { policyOf } from "../../policy-wasm/fixtures.ts";
import type { Endpoint, Rule } from "../../policy-wasm/policy.ts";
import { parseClaims } from "../../prover/claims/parse_claims.ts";
import type { ProofInput, Subject } from "../../prover/input.ts";
import { parseProviders } from "../../prover/registry/parse_providers.ts";
import type { Level, Role } from "../../prover/report.ts";
import { type Reason, REASONS } from "../../proto/reason.ts";
import { Fields } from "../cases/fields.ts";

/** One policy, one question, one answer. */
export interface ProofCase {
  readonly file: string;
  readonly name: string;
  readonly question: string;
  readonly level: Level;
  readonly input: ProofInput;
  readonly want: "proved" | "refuted";
  /** What the first finding that is due has to look like; `null` where the case does not say. */
  readonly shows: Shown | null;
  /** How many findings there are; `null` where the case does not say. */
  readonly findings: number | null;
}

/** Parts of a finding. What is left out does not matter. */
export interface Shown {
  readonly says?: string;
  readonly rule?: string;
  /** Place in the document, behind `network_policies.` */
  readonly place?: string;
  readonly binary?: string;
  readonly ancestors?: readonly string[];
  readonly host?: string;
  readonly port?: number;
  readonly method?: string;
  readonly path?: string;
  /** `key=value` pairs, joined by `&`. */
  readonly query?: string;
  /** `type name { fields }`, or the id of a persisted operation. */
  readonly operation?: string;
  /** Method and tool, or the kind of another message. */
  readonly message?: string;
  readonly opaque?: boolean;
  /** By document: why it decides as it does. */
  readonly reasons?: Readonly<Partial<Record<Role, Reason>>>;
}

const LEVELS: readonly Level[] = ["error", "warning", "note"];
const ROLES: readonly Role[] = ["policy", "ceiling", "floor", "baseline"];
const DEFAULT_BINARIES = [{ path: "/usr/bin/curl" }];

/** Returns the cases of all files, in the order of their names. */
export function loadCases(): readonly ProofCase[] {
  const folder = new URL("cases/", import.meta.url);
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort().flatMap((name) =>
    parseCases(name, Deno.readTextFileSync(new URL(name, folder)))
  );
}

/** Returns the cases of one file; fails an assertion at anything that is not as described. */
export function parseCases(file: string, text: string): readonly ProofCase[] {
  const fields = new Fields(parse(text, { merge: true }), file);
  fields.text("title");
  const levels = readLevels(fields.fields("levels"));
  const rules = readRules(fields.fields("rules"));
  const cases = fields.list("cases").map((value, at) =>
    readCase(new Fields(value, `Case ${at + 1} of ${file}`), { file, levels, rules })
  );
  fields.end();
  const names = cases.map(({ question, name }) => `${question}: ${name}`);
  assert.deepEqual(names.filter((name, at) => names.indexOf(name) !== at), [], `Names of ${file}`);
  return cases;
}

interface Context {
  readonly file: string;
  readonly levels: ReadonlyMap<string, Level>;
  readonly rules: ReadonlyMap<string, Subject>;
}

function readLevels(fields: Fields): ReadonlyMap<string, Level> {
  return new Map(fields.keys().map((key) => [key, fields.word(key, LEVELS)]));
}

function readRules(fields: Fields): ReadonlyMap<string, Subject> {
  return new Map(
    fields.keys().map((key): [string, Subject] => {
      const rule = { binaries: DEFAULT_BINARIES, ...fields.any(key) as object };
      const document = { version: 1, network_policies: { [key]: rule } };
      const parsed = parsePolicy(stringify(document, { aliasDuplicateObjects: false }));
      const errors = parsed.diagnostics.filter(({ severity }) => severity === "error");
      assert.deepEqual(errors.map(({ code, path }) => `${code} ${path}`), [], `Rule ${key}`);
      return [key, parsed];
    }),
  );
}

function readCase(fields: Fields, { file, levels, rules }: Context): ProofCase {
  const name = fields.text("name");
  const question = fields.text("question");
  const key = question.startsWith("claim:") ? "claim" : question;
  const level = fields.has("level") ? fields.word("level", LEVELS) : levels.get(key);
  assert.ok(level !== undefined, `${file} has no level for ${question}`);
  const unchecked = fields.has("unchecked") ? fields.any("unchecked") as Changes : {};
  const subjects = ROLES.flatMap((role): [Role, Subject][] =>
    fields.has(role) ? [[role, join(fields.texts(role), rules, unchecked)]] : []
  );
  const extra = readExtra(fields, `${question} of ${name} in ${file}`);
  const want = fields.word("want", ["proved", "refuted"]);
  const shows = fields.has("shows") ? readShown(fields.fields("shows")) : null;
  const findings = fields.has("findings") ? fields.number("findings") : null;
  fields.end();
  assert.ok(want === "refuted" || shows === null, `${name} of ${file} shows what there is not`);
  const input = { ...Object.fromEntries(subjects), ...extra } as ProofInput;
  return { file, name, question, level, input, want, shows, findings };
}

/** Settings of endpoints that validation would refuse, by rule. */
type Changes = Readonly<Record<string, Partial<Endpoint>>>;

/** Joins rules to one policy, and knows where each part of each is written. */
function join(
  names: readonly string[],
  rules: ReadonlyMap<string, Subject>,
  unchecked: Changes,
): Subject {
  const subjects = names.map((name) => {
    const subject = rules.get(name);
    assert.ok(subject !== undefined, `There is no rule ${name}`);
    return subject;
  });
  const joined = subjects.flatMap(({ policy }) => policy!.rules).map((rule): Rule => {
    const change = unchecked[rule.key] ?? {};
    return { ...rule, endpoints: rule.endpoints.map((one) => ({ ...one, ...change })) };
  });
  return {
    policy: policyOf(...joined),
    locate: (path) => subjects.map(({ locate }) => locate(path)).find((at) => at !== null) ?? null,
  };
}

function readExtra(fields: Fields, where: string): Partial<ProofInput> {
  const text = (key: string) => stringify({ version: 1, [key]: fields.any(key) });
  const extra: { -readonly [K in keyof ProofInput]?: ProofInput[K] } = {};
  if (fields.has("providers")) {
    const { providers, diagnostics } = parseProviders(text("providers"));
    assert.ok(providers !== null, `${where}: ${diagnostics[0]?.message}`);
    extra.providers = providers;
  }
  if (fields.has("claims")) {
    const { claims, diagnostics } = parseClaims(text("claims"));
    assert.ok(claims !== null, `${where}: ${diagnostics[0]?.message}`);
    extra.claims = claims;
  }
  if (fields.has("trusted_hosts")) extra.trustedHosts = fields.texts("trusted_hosts");
  if (fields.has("gateway")) extra.trustedGatewayIp = fields.text("gateway");
  return extra;
}

function readShown(fields: Fields): Shown {
  const texts = ["says", "rule", "place", "binary", "host", "method", "path", "query"] as const;
  const bodies = ["operation", "message"] as const;
  const shown = {
    ...Object.fromEntries(
      [...texts, ...bodies].flatMap((key) => fields.has(key) ? [[key, fields.text(key)]] : []),
    ),
    ...(fields.has("ancestors") && { ancestors: fields.texts("ancestors") }),
    ...(fields.has("port") && { port: fields.number("port") }),
    ...(fields.has("opaque") && { opaque: fields.flag("opaque", false) }),
    ...(fields.has("reasons") && { reasons: readReasons(fields.fields("reasons")) }),
  };
  fields.end();
  return shown;
}

function readReasons(fields: Fields): NonNullable<Shown["reasons"]> {
  const reasons = ROLES.flatMap((role): [Role, Reason][] =>
    fields.has(role) ? [[role, fields.word(role, REASONS)]] : []
  );
  fields.end();
  return Object.fromEntries(reasons);
}
