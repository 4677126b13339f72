/**
 * `network_middlewares`: structure, selectors, and what they may not overlap.
 *
 * @module
 */

import { HOST_BYTES_MAX, MIDDLEWARE_PATTERNS_MAX, MIDDLEWARES_MAX } from "../../proto/limits.ts";
import { hostPatternCovers, hostPatternsIntersect } from "../host_pattern.ts";
import type { Findings } from "../parse/findings.ts";
import type { Read } from "../parse/reader.ts";
import type { RawMiddleware, RawPolicy } from "../parse/schema.ts";
import { quote } from "../parse/source.ts";
import type { Middleware } from "../policy.ts";
import type { CheckedEndpoint } from "./endpoint.ts";
import { oneOf, placed, readable } from "./place.ts";

/** Returns the middlewares by ascending order. */
export function validateMiddlewares(
  raw: RawPolicy,
  endpoints: readonly CheckedEndpoint[],
  findings: Findings,
): readonly Middleware[] {
  const section = raw.network_middlewares;
  const items = readable(section);
  if (items.length > MIDDLEWARES_MAX) {
    const message = `${items.length} middlewares are more than ${MIDDLEWARES_MAX}`;
    findings.add("too_many_middlewares", section.field, message, { at: section.field.keySpan });
    return [];
  }
  const keyByOrder = new Map<number, string>();
  const middlewares = items.map(({ value }) => {
    const middleware = validateMiddleware(value, findings);
    const other = keyByOrder.get(middleware.order);
    if (other !== undefined) {
      const message = `Order ${middleware.order} is already that of ${quote(other)}`;
      const place = value.order.written ? value.order.field : value.at;
      findings.add("duplicate_order", place, message);
    }
    keyByOrder.set(middleware.order, middleware.key);
    checkSkipped(middleware, endpoints, findings);
    return middleware;
  });
  return middlewares.sort((a, b) => a.order - b.order);
}

/** `order` is a signed 32-bit number. */
const ORDER_LIMIT = 2 ** 31;

/** Names under it are built in; others are an operator's services. */
const BUILT_IN_PREFIX = "openshell/";
const REGEX_MIDDLEWARE = "openshell/regex";

function validateMiddleware(raw: RawMiddleware, findings: Findings): Middleware {
  const key = String(raw.at.origin?.step);
  const order = raw.order.value ?? 0;
  if (order < -ORDER_LIMIT || order >= ORDER_LIMIT) {
    const message = `Order ${order} does not fit into 32 bits`;
    findings.add("order_out_of_range", raw.order.field, message);
  }
  const selectors = raw.endpoints.value;
  if (!raw.endpoints.written) {
    const message = "A middleware needs the hosts that it applies to";
    const fix = 'endpoints: { include: ["api.example.com"] }';
    findings.add("missing_key", raw.at, message, { fix });
  } else if (selectors !== undefined && !selectors.include.value?.length) {
    if (selectors.include.value !== undefined || !selectors.include.written) {
      const message = "include needs at least one host; every host is written **";
      findings.add("empty_list", selectors.include.field, message, { fix: 'include: ["**"]' });
    }
  }
  const include = selectors === undefined ? [] : validateSelectors(selectors.include, findings);
  const exclude = selectors === undefined ? [] : validateSelectors(selectors.exclude, findings);
  if (include.length + exclude.length > MIDDLEWARE_PATTERNS_MAX) {
    const message = `${include.length + exclude.length} host selectors are more than ` +
      `${MIDDLEWARE_PATTERNS_MAX}`;
    findings.add("too_many_selectors", raw.endpoints.field, message);
  }
  const middleware = validateName(raw, findings);
  return {
    key,
    name: raw.name.value || key,
    middleware,
    order,
    config: raw.config.value ?? {},
    onError: validateOnError(raw, findings),
    include,
    exclude,
  };
}

function validateName(raw: RawMiddleware, findings: Findings): string {
  const written = placed(raw.middleware);
  if (written === null || written.value === "") {
    if (written === null && raw.middleware.written) return "";
    const message = "A middleware entry has to say which middleware it is";
    const place = written?.field ?? raw.at;
    findings.add("missing_key", place, message, { fix: `middleware: ${REGEX_MIDDLEWARE}` });
    return "";
  }
  const { field, value } = written;
  if (!value.startsWith(BUILT_IN_PREFIX)) return value;
  const known = oneOf(written, [REGEX_MIDDLEWARE], { code: "unknown_middleware", findings });
  const config = raw.config.value as { readonly mode?: unknown } | undefined;
  const isRight = config?.mode === "redact" && Object.keys(config).length === 1;
  if (known !== undefined && !isRight && (!raw.config.written || config !== undefined)) {
    const message = `${REGEX_MIDDLEWARE} takes exactly the config mode: redact`;
    const place = raw.config.written ? raw.config.field : field;
    findings.add("invalid_middleware_config", place, message, { fix: "config: { mode: redact }" });
  }
  return value;
}

function validateOnError(raw: RawMiddleware, findings: Findings): Middleware["onError"] {
  const written = placed(raw.on_error);
  if (written === null || written.value === "") return "fail_closed";
  const words = ["fail_closed", "fail_open"] as const;
  return oneOf(written, words, { code: "unknown_on_error", findings }) ?? "fail_closed";
}

function validateSelectors(
  list: Read<readonly Read<string>[]>,
  findings: Findings,
): readonly string[] {
  return readable(list).flatMap(({ field, value }) => {
    const selector = value.toLowerCase();
    const problem = selectorProblem(selector);
    if (problem === null) return [selector];
    findings.add("invalid_selector", field, `Host selector ${quote(value)} ${problem}`);
    return [];
  });
}

function selectorProblem(selector: string): string | null {
  if (selector.length > HOST_BYTES_MAX) return `is longer than ${HOST_BYTES_MAX} bytes`;
  if (!/^[a-z0-9_.*:-]*$/.test(selector)) return "holds a character that no host has";
  const labels = selector.split(".");
  if (labels.includes("")) return "has an empty label";
  if (labels.some((label) => label.includes("**") && label !== "**")) {
    return "may have ** as a whole label only";
  }
  return null;
}

/** A middleware that must see everything cannot stand over traffic that nobody reads. */
function checkSkipped(
  middleware: Middleware,
  endpoints: readonly CheckedEndpoint[],
  findings: Findings,
): void {
  if (middleware.onError !== "fail_closed") return;
  for (const { field, endpoint } of endpoints) {
    if (endpoint.tls !== "skip" || !selects(middleware, endpoint.host || "**")) continue;
    const message = `Middleware ${quote(middleware.key)} is fail_closed and cannot read this ` +
      "endpoint, which has tls: skip";
    findings.add("middleware_over_skip", field.child("tls") ?? field, message, {
      fix: "exclude the host, or remove tls",
    });
  }
}

function selects({ include, exclude }: Middleware, host: string): boolean {
  return include.some((pattern) => hostPatternsIntersect(pattern, host)) &&
    !exclude.some((pattern) => hostPatternCovers(pattern, host));
}
