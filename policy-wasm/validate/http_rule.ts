/**
 * Rules about method, path and query: `rest` and `websocket`.
 *
 * @module
 */

import { KNOWN_METHODS } from "../methods.ts";
import { suggest } from "../parse/nearest.ts";
import type { RawRequestRule } from "../parse/schema.ts";
import { quote } from "../parse/source.ts";
import type { HttpRule } from "../policy.ts";
import { checkPathGlob } from "./glob.ts";
import { type Placed, placed, readable } from "./place.ts";
import { refuseOtherFields, type RuleContext, validateMatcher } from "./rule_context.ts";

/** Returns the rule, or `undefined` after reporting why there is none. */
export function validateHttpRule(raw: RawRequestRule, context: RuleContext): HttpRule | undefined {
  refuseOtherFields(raw, ["method", "path", "query"], context);
  const method = validateMethod(raw, context);
  const path = validatePath(raw, context);
  const query = readable(raw.query).map(({ field, value }) => ({
    key: String(field.origin?.step),
    value: validateMatcher(value, context),
  }));
  if (method === undefined || path === undefined) return undefined;
  query.sort((a, b) => a.key < b.key ? -1 : 1);
  return { kind: "http", method, path, query };
}

/** No message of an upgraded connection or its upgrade has another method. */
const WEBSOCKET_METHODS: readonly string[] = ["*", "GET", "WEBSOCKET_TEXT"];

/** `CONNECT` opens a connection and `PRI` starts HTTP/2; neither is a request to judge. */
const REFUSED_METHODS: readonly string[] = ["CONNECT", "PRI"];

function validateMethod(raw: RawRequestRule, context: RuleContext): string | undefined {
  const { findings, effect, protocol } = context;
  const written = placed(raw.method);
  if (written === null && raw.method.written) return undefined;
  if (written === null || written.value === "") {
    const place = written?.field ?? raw.at;
    if (effect === "deny") {
      const message = "A deny rule without method denies every method; write it to say so";
      findings.add("deny_without_method", place, message, { fix: 'method: "*"' });
      return "*";
    }
    const message = "An allow rule needs a method";
    findings.add("allow_without_method", place, message, { fix: "method: GET" });
    return undefined;
  }
  const method = written.value.toUpperCase();
  if (method !== "*" && !checkKnown(written, method, context)) return undefined;
  if (protocol !== "websocket" || WEBSOCKET_METHODS.includes(method)) return method;
  const message = `A WebSocket endpoint takes GET and WEBSOCKET_TEXT, never ${method}`;
  findings.add("websocket_method", written.field, message, { fix: "WEBSOCKET_TEXT" });
  return undefined;
}

function checkKnown(
  { field, value }: Placed<string>,
  method: string,
  { findings }: RuleContext,
): boolean {
  if (REFUSED_METHODS.includes(method)) {
    const message =
      `${method} is not a request that rules judge; the endpoint itself admits connections`;
    findings.add("method_refused", field, message);
    return false;
  }
  if (KNOWN_METHODS.includes(method)) return true;
  const fix = suggest(method, KNOWN_METHODS);
  findings.add("unknown_method", field, `${quote(value)} is not an HTTP method`, { fix });
  return false;
}

function validatePath(raw: RawRequestRule, context: RuleContext): string | undefined {
  const { findings, effect } = context;
  const written = placed(raw.path);
  if (written === null && raw.path.written) return undefined;
  if (written === null || written.value === "") {
    if (effect === "deny") return "**";
    const message = "An allow rule needs a path; all paths are written **";
    const fix = 'path: "**"';
    findings.add("allow_without_path", written?.field ?? raw.at, message, { fix });
    return undefined;
  }
  const { field, value } = written;
  if (!value.startsWith("/") && !value.startsWith("**")) {
    const message = `Path ${quote(value)} should start with / or **`;
    const fix = /^(?:[a-z]+:\/\/|\?)/.test(value) ? null : value === "*" ? "**" : `/${value}`;
    findings.add("rule_path_prefix", field, message, { fix });
    return undefined;
  }
  return checkPathGlob(written, context, findings) ? value : undefined;
}
