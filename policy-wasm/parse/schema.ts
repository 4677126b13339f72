/**
 * The keys of a policy document and the type of each: `spec` section 1, and `descendants`.
 *
 * Only shape is judged here; what the values mean is for `validate/`.
 *
 * @module
 */

import type { Findings } from "./findings.ts";
import {
  anyMap,
  flag,
  integer,
  type KeyAdvice,
  list,
  mapOf,
  nameOf,
  type Reader,
  record,
  type RecordOf,
  text,
  textThat,
} from "./reader.ts";
import { quote } from "./source.ts";
import { type Field, toFlow } from "./tree.ts";

/** A text glob, or an object with `glob` or `any`: always a list of globs with their places. */
export interface RawMatcher {
  readonly globs: readonly { readonly field: Field; readonly glob: string }[];
}

/** `tool` and `params.name` say the same; `params` holds nothing else. */
export interface RawParam {
  /** Steps joined by dots, without `params`. */
  readonly name: string;
  readonly field: Field;
  readonly matcher: RawMatcher | undefined;
}

const matcherObject = record({ glob: text, any: list(text) }, { what: "a matcher" });

/** Reads a matcher: text, `{ glob: … }` or `{ any: […] }`. */
export function matcher(field: Field, findings: Findings): RawMatcher | undefined {
  if (field.node.kind === "list") {
    const message = `${nameOf(field)} is a list, should be text; several globs go into any`;
    const fix = field.node.items.length === 0 ? null : `{ any: ${toFlow(field.node)} }`;
    findings.add("wrong_type", field, message, { fix });
    return undefined;
  }
  if (field.node.kind !== "map") {
    const glob = text(field, findings);
    return glob === undefined ? undefined : { globs: [{ field, glob }] };
  }
  const raw = matcherObject(field, findings);
  if (raw === undefined) return undefined;
  if (raw.glob.written === raw.any.written) {
    const message = "A matcher has exactly one of glob and any";
    findings.add("matcher_shape", field, message, { fix: mergedMatcher(field) });
    return undefined;
  }
  const items = raw.glob.written ? [raw.glob] : raw.any.value;
  if (items === undefined) return undefined;
  if (items.length === 0) {
    findings.add("matcher_shape", raw.any.field, "A matcher needs at least one glob in any");
    return undefined;
  }
  const globs = items.flatMap(({ field, value }) =>
    value === undefined ? [] : [{ field, glob: value }]
  );
  return globs.length === items.length ? { globs } : undefined;
}

/** Returns a matcher of all globs that the author wrote in two ways, or `null`. */
function mergedMatcher(field: Field): string | null {
  const glob = field.child("glob")?.node;
  const any = field.child("any")?.node;
  if (glob?.kind !== "scalar" || any?.kind !== "list") return null;
  return `{ any: ${toFlow({ ...any, items: [glob, ...any.items] })} }`;
}

/** Reads `params`: nested maps whose leaves are matchers. */
function params(field: Field, findings: Findings): readonly RawParam[] | undefined {
  if (field.node.kind !== "map") {
    record({}, { what: "params" })(field, findings);
    return undefined;
  }
  return leaves(field, [], findings);
}

function leaves(field: Field, steps: readonly string[], findings: Findings): RawParam[] {
  if (field.node.kind !== "map") return [];
  return [...field.node.entries].flatMap(([key, { value }]) => {
    const child = field.child(key)!;
    const name = [...steps, key];
    const isMatcher = value.kind !== "map" || value.entries.has("glob") ||
      value.entries.has("any") || value.entries.size === 0;
    if (!isMatcher) return leaves(child, name, findings);
    return [{ name: name.join("."), field: child, matcher: matcher(child, findings) }];
  });
}

const REQUEST_RULE_SHAPE = {
  method: text,
  path: text,
  command: text,
  query: mapOf(matcher),
  operation_type: text,
  operation_name: text,
  fields: list(text),
  tool: matcher,
  params,
};

const REQUEST_RULE_ADVICE = {
  renamed: {
    methods: "method",
    paths: "path",
    url: "path",
    tools: "tool",
    operation: operationKey,
  },
  notes: {
    methods: oneOnly("method"),
    paths: oneOnly("path"),
    host: "hosts belong to the endpoint",
    enforcement: "enforcement belongs to the endpoint",
  },
};

/** A list of what a rule has once cannot just be renamed. */
function oneOnly(key: string) {
  return ({ node }: Field) => node.kind === "list" ? `a rule has one ${key}; write several` : null;
}

/** GraphQL has operations of three types; SQL calls its commands so. */
function operationKey({ node }: Field): string {
  const isGraphql = node.kind === "scalar" && /^(?:query|mutation|subscription)$/i.test(node.text);
  return isGraphql ? "operation_type" : "command";
}

const allowFields = record(REQUEST_RULE_SHAPE, { what: "an allow rule", ...REQUEST_RULE_ADVICE });
const denyFields = record(REQUEST_RULE_SHAPE, { what: "a deny rule", ...REQUEST_RULE_ADVICE });
const wrappedRule = record({ allow: allowFields }, { what: "an entry of rules" });

/** One allow or deny rule as written. */
export type RawRequestRule = RecordOf<typeof REQUEST_RULE_SHAPE>;

/** Reads `allow: {…}`; an entry without the wrapper is an error that shows it. */
function allowRule(field: Field, findings: Findings): RawRequestRule | undefined {
  const { node } = field;
  if (node.kind !== "map" || node.entries.has("allow")) {
    return wrappedRule(field, findings)?.allow.value;
  }
  const deny = field.child("deny");
  if (deny !== null) {
    const message = "An entry of rules allows; what is denied belongs to deny_rules, unwrapped";
    const fix = `deny_rules: [${toFlow(deny.node)}]`;
    findings.add("deny_in_rules", deny, message, { fix, at: deny.keySpan });
    return undefined;
  }
  const message = "An entry of rules has its fields inside allow";
  const fix = `allow: ${toFlow(node)}`;
  findings.add("rule_without_allow", field, message, { fix, at: firstKey(field) });
  return node.entries.size === 0 ? undefined : allowFields(field, findings);
}

/** Reads a flat deny rule; a wrapped one is an error that shows it flat. */
function denyRule(field: Field, findings: Findings): RawRequestRule | undefined {
  const wrapped = field.child("deny") ?? field.child("allow");
  if (wrapped === null) return denyFields(field, findings);
  const message = `An entry of deny_rules has its fields without ${quote(stepOf(wrapped))}`;
  const fix = toFlow(wrapped.node);
  findings.add("deny_rule_wrapped", wrapped, message, { fix, at: wrapped.keySpan });
  return denyFields(wrapped, findings);
}

const MARKER_NOTE = "it marks what OpenShell itself adds and cannot be written";

const ENDPOINT_ADVICE: KeyAdvice = {
  what: "an endpoint",
  bareKey: "host",
  renamed: {
    allow_rules: "rules",
    deny: "deny_rules",
    hostname: "host",
    domain: "host",
    mode: "enforcement",
    allow_ips: "allowed_ips",
    max_body_bytes: "graphql_max_body_bytes",
  },
  notes: {
    provider_credentialed: MARKER_NOTE,
    advisor_proposed: MARKER_NOTE,
    binaries: "it belongs to the rule, beside endpoints",
    allow: "it belongs into an entry of rules",
    hosts: "write one endpoint for each host",
  },
};

const ENDPOINT_SHAPE = {
  host: text,
  port: integer,
  ports: list(integer),
  path: text,
  protocol: text,
  tls: text,
  enforcement: text,
  access: text,
  rules: list(allowRule),
  deny_rules: list(denyRule),
  allowed_ips: list(text),
  allow_encoded_slash: flag,
  websocket_credential_rewrite: flag,
  request_body_credential_rewrite: flag,
  allow_uninspected_credentials: flag,
  credential_signing: text,
  signing_service: text,
  signing_region: text,
  credential_binding: record({ provider: text }, { what: "credential_binding" }),
  persisted_queries: text,
  graphql_persisted_queries: mapOf(record({
    operation_type: text,
    operation_name: text,
    fields: list(text),
  }, { what: "a persisted query" })),
  graphql_max_body_bytes: integer,
  json_rpc: record({ max_body_bytes: integer }, { what: "json_rpc" }),
  mcp: record({
    max_body_bytes: integer,
    strict_tool_names: flag,
    allow_all_known_mcp_methods: flag,
  }, { what: "mcp" }),
};

/** One endpoint as written. */
export type RawEndpoint = RecordOf<typeof ENDPOINT_SHAPE>;

const BINARY_SHAPE = { path: text, descendants: flag, harness: anything };

/** One binary as written. */
export type RawBinary = RecordOf<typeof BINARY_SHAPE>;

const binary: Reader<RawBinary> = record(BINARY_SHAPE, {
  what: "a binary",
  bareKey: "path",
  renamed: { binary: "path", exe: "path", children: "descendants", ancestors: "descendants" },
  notes: { advisor_proposed: MARKER_NOTE },
});

const RULE_SHAPE = {
  name: text,
  endpoints: list(record(ENDPOINT_SHAPE, ENDPOINT_ADVICE)),
  binaries: list(binary),
};

/** One entry of `network_policies` as written. */
export type RawRule = RecordOf<typeof RULE_SHAPE>;

const MIDDLEWARE_SHAPE = {
  name: text,
  middleware: text,
  order: integer,
  config: anyMap,
  on_error: text,
  endpoints: record({ include: list(text), exclude: list(text) }, { what: "endpoints" }),
};

/** One entry of `network_middlewares` as written. */
export type RawMiddleware = RecordOf<typeof MIDDLEWARE_SHAPE>;

/** Quotes make an id of any number but 0, which is root. */
const identity = textThat((text) => /^[1-9][0-9]{0,9}$/.test(text));

const POLICY_SHAPE = {
  version: integer,
  filesystem_policy: record({
    include_workdir: flag,
    read_only: list(text),
    read_write: list(text),
  }, { what: "filesystem_policy", renamed: { readonly: "read_only", readwrite: "read_write" } }),
  landlock: record({ compatibility: text }, { what: "landlock" }),
  process: record({ run_as_user: identity, run_as_group: identity }, {
    what: "process",
    renamed: { user: "run_as_user", group: "run_as_group" },
  }),
  network_policies: mapOf(record(RULE_SHAPE, {
    what: "a rule",
    renamed: { endpoint: "endpoints", binary: "binaries" },
    notes: {
      host: "it belongs to an entry of endpoints",
      port: "it belongs to an entry of endpoints",
      rules: "it belongs to an entry of endpoints",
      path: "it belongs to an entry of endpoints, or of binaries",
    },
  })),
  network_middlewares: mapOf(record(MIDDLEWARE_SHAPE, { what: "a middleware" })),
};

/** A policy document as written. */
export type RawPolicy = RecordOf<typeof POLICY_SHAPE>;

/** Reads a whole document. */
export const policyDocument: Reader<RawPolicy> = record(POLICY_SHAPE, {
  what: "a policy",
  sections: ["network_policies", "network_middlewares"],
  renamed: {
    filesystem: "filesystem_policy",
    network: "network_policies",
    network_policy: "network_policies",
    middlewares: "network_middlewares",
    rules: "network_policies",
  },
  notes: {
    inference: "inference routing is configured at the gateway, not in a policy",
    read_only: "it belongs into filesystem_policy",
    read_write: "it belongs into filesystem_policy",
    include_workdir: "it belongs into filesystem_policy",
    run_as_user: "it belongs into process",
    run_as_group: "it belongs into process",
    endpoints: "it belongs into a rule of network_policies",
    binaries: "it belongs into a rule of network_policies",
  },
});

/** `harness` is ignored, whatever it is. */
function anything(): true {
  return true;
}

function stepOf(field: Field): string {
  return String(field.origin?.step);
}

function firstKey(field: Field) {
  const first = field.node.kind === "map" ? [...field.node.entries.values()][0] : undefined;
  return first?.key ?? field.node;
}
