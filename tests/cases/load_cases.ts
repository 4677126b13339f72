/**
 * Reads the decision cases beside this module: what `architecture/policy.md` says, as data.
 *
 * A file holds `title` and either `policy` and `cases`, or several `groups` of `title`, `policy` and
 * `cases`. Beside `policy`, a whole policy document, `binary` is who asks where a case names none.
 *
 * A case has a `name`, a question in raw spellings (`host`, `port`, and where they matter `binary`,
 * `ancestors`, `method`, `path`, `query`, `rpc`, `graphql`, `command`) and the decision that is due:
 * `verdict`, `reason`, `audited` where it is true, `rule` (`null` for none) and `endpoint`.
 *
 * - `query`: key to value or list of values, decoded; in addition to what `path` has.
 * - `rpc`: `{ method, tool? }`, `response` or `stream`.
 * - `graphql`: `{ type, name?, fields }` or `{ persisted }`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import type { GraphqlOperationType } from "../../policy-wasm/policy.ts";
import type { RawQuestion } from "../../policy-wasm/raw_question.ts";
import type { GraphqlOperation, QueryPair, RpcMessage } from "../../policy-wasm/request.ts";
import { type Reason, REASONS } from "../../proto/reason.ts";
import { Fields } from "./fields.ts";

/** Cases that share a policy. */
export interface CaseGroup {
  /** Name of the file, without folder. */
  readonly file: string;
  readonly title: string;
  /** The policy document as YAML text. */
  readonly policy: string;
  readonly cases: readonly Case[];
}

/** One question and the decision that is due. */
export interface Case {
  /** Says what holds and why; no other case of the group has it. */
  readonly name: string;
  readonly question: RawQuestion;
  readonly want: WantedDecision;
}

/** `rule` and `endpoint` are absent where the case does not say. */
export interface WantedDecision {
  readonly verdict: "allow" | "deny";
  readonly audited: boolean;
  readonly reason: Reason;
  readonly rule?: string | null;
  readonly endpoint?: number | null;
}

/** Returns all groups, in the order of file names. */
export function loadCases(): CaseGroup[] {
  return readCaseFiles().flatMap(({ name, text }) => parseCaseFile(name, text));
}

/** Returns the groups of one file; fails an assertion at anything that is not as described. */
export function parseCaseFile(file: string, text: string): CaseGroup[] {
  const fields = new Fields(parse(text), file);
  const title = fields.text("title");
  if (!fields.has("groups")) return [readGroup(fields, { file, title })];
  const groups = fields.list("groups").map((value, index) => {
    const group = new Fields(value, `Group ${index + 1} of ${file}`);
    return readGroup(group, { file, title: group.text("title") });
  });
  fields.end();
  assertDistinct(groups.map((group) => group.title), `Titles of ${file}`);
  return groups;
}

/** Reads another format, see `load_destination_cases.ts`. */
const DESTINATION_FILE = "destination.yaml";

/** Who asks in a group that names no `binary`. */
const BINARY = "/usr/bin/curl";

function readCaseFiles(): { name: string; text: string }[] {
  const folder = new URL("./", import.meta.url);
  return [...Deno.readDirSync(folder)]
    .map(({ name }) => name)
    .filter((name) => name.endsWith(".yaml") && name !== DESTINATION_FILE)
    .sort()
    .map((name) => ({ name, text: Deno.readTextFileSync(new URL(name, folder)) }));
}

function readGroup(fields: Fields, { file, title }: { file: string; title: string }): CaseGroup {
  const policy = stringify(fields.any("policy"), { aliasDuplicateObjects: false });
  const binary = fields.text("binary", BINARY);
  const cases = fields.list("cases").map((value, index) =>
    readCase(new Fields(value, `Case ${index + 1} of "${title}" in ${file}`), binary)
  );
  fields.end();
  assertDistinct(cases.map(({ name }) => name), `Names of "${title}" in ${file}`);
  return { file, title, policy, cases };
}

function readCase(fields: Fields, binary: string): Case {
  const name = fields.text("name");
  const question: RawQuestion = {
    caller: { binary: fields.text("binary", binary), ancestors: fields.texts("ancestors", []) },
    host: fields.text("host"),
    port: fields.number("port"),
    ...(fields.has("method") && methodOf(fields.text("method"))),
    ...(fields.has("path") && { path: fields.text("path") }),
    ...(fields.has("query") && { query: readQuery(fields.fields("query")) }),
    ...(fields.has("rpc") && { rpc: readRpc(fields) }),
    ...(fields.has("graphql") && { graphql: readGraphql(fields.fields("graphql")) }),
    ...(fields.has("command") && { command: fields.text("command") }),
  };
  const want = readWanted(fields, name);
  fields.end();
  return { name, question, want };
}

/** Cases name text messages as rules do. */
function methodOf(word: string): Pick<RawQuestion, "method" | "isText"> {
  return word === "WEBSOCKET_TEXT" ? { isText: true } : { method: word };
}

/** Each key has one value or a list of them. */
function readQuery(fields: Fields): QueryPair[] {
  const pairs = fields.keys().flatMap((key) => {
    const values = Array.isArray(fields.any(key)) ? fields.texts(key) : [fields.text(key)];
    return values.map((value): QueryPair => [key, value]);
  });
  fields.end();
  return pairs;
}

function readRpc(fields: Fields): RpcMessage {
  if (typeof fields.any("rpc") === "string") {
    return { kind: fields.word("rpc", ["response", "stream"]) };
  }
  const rpc = fields.fields("rpc");
  const method = rpc.text("method");
  const tool = rpc.has("tool") ? { tool: rpc.text("tool") } : {};
  rpc.end();
  return { kind: "call", method, ...tool };
}

const OPERATION_TYPES: readonly GraphqlOperationType[] = ["query", "mutation", "subscription"];

function readGraphql(fields: Fields): GraphqlOperation {
  if (fields.has("persisted")) {
    const id = fields.text("persisted");
    fields.end();
    return { kind: "persisted", id };
  }
  const type = fields.word("type", OPERATION_TYPES);
  const name = fields.text("name", "");
  const names = fields.texts("fields");
  fields.end();
  return { kind: "operation", type, name, fields: names };
}

function readWanted(fields: Fields, name: string): WantedDecision {
  const verdict = fields.word("verdict", ["allow", "deny"]);
  const audited = fields.flag("audited", false);
  const reason = fields.word("reason", REASONS);
  const isViolation = reason !== "allowed";
  assert.equal(isViolation, verdict === "deny" || audited, `Verdict and reason of "${name}"`);
  assert.ok(verdict === "allow" || !audited, `"${name}" is denied and audited`);
  return {
    verdict,
    audited,
    reason,
    ...(fields.has("rule") && { rule: readNullable(fields, "rule", "text") }),
    ...(fields.has("endpoint") && { endpoint: readNullable(fields, "endpoint", "number") }),
  };
}

function readNullable(fields: Fields, key: string, type: "text"): string | null;
function readNullable(fields: Fields, key: string, type: "number"): number | null;
function readNullable(fields: Fields, key: string, type: "text" | "number") {
  return fields.any(key) === null ? null : fields[type](key);
}

function assertDistinct(names: readonly string[], what: string): void {
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  assert.deepEqual(repeated, [], `${what} repeat`);
}
