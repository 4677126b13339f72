/**
 * Every key of a policy document and what the wire calls it.
 *
 * The keys are those of `parse/schema.ts`, the fields those of `SandboxPolicy`. What one has and
 * the other has not is refused, so that nothing gets lost on the way.
 *
 * @module
 */

import {
  childPath,
  type Codec,
  FLAG,
  JSON_MAP,
  listOf,
  mapOf,
  notEmpty,
  type Plain,
  plainMap,
  PolicyWireError,
  recordOf,
  renamed,
  reshaped,
  SIGNED,
  TEXT,
  UNSIGNED,
} from "./wire_codec.ts";

const matcherRecord = recordOf({ glob: TEXT, any: notEmpty(listOf(TEXT)) });

/** Text, `{ glob }` or `{ any }` in a document; always a message on the wire. */
const MATCHER: Codec = {
  toWire(value, path) {
    if (typeof value === "string") return { glob: value };
    const written = plainMap(value, path);
    if (Object.hasOwn(written, "glob") === Object.hasOwn(written, "any")) {
      throw new PolicyWireError(path, "it should have exactly one of glob and any");
    }
    return matcherRecord.toWire(value, path);
  },
  fromWire(value, path) {
    const { glob, any } = plainMap(value, path);
    if (any === undefined) return glob ?? "";
    if (glob === undefined) return { any };
    throw new PolicyWireError(path, "it should have exactly one of glob and any");
  },
};

const requestRuleRecord = recordOf({
  method: TEXT,
  path: TEXT,
  command: TEXT,
  query: mapOf(MATCHER),
  operation_type: TEXT,
  operation_name: TEXT,
  fields: notEmpty(listOf(TEXT)),
  params: mapOf(MATCHER),
});

/** `tool` is `params.name`, and the wire has parameters with dotted names only. */
const REQUEST_RULE: Codec = reshaped(requestRuleRecord, {
  before(rule, path) {
    refuseNothing(rule, path);
    const { tool, params, ...rest } = rule;
    if (tool === undefined && params === undefined) return rule;
    const leaves = params === undefined ? [] : paramLeaves(params, childPath(path, "params"), "");
    const named = tool === undefined ? [] : [["name", tool] as const];
    const all = [...named, ...leaves];
    const repeated = all.find(([name], index) =>
      all.findIndex(([other]) => other === name) < index
    );
    if (repeated !== undefined) {
      throw new PolicyWireError(path, `parameter ${JSON.stringify(repeated[0])} is written twice`);
    }
    return { ...rest, params: Object.fromEntries(all) };
  },
  after(rule) {
    const { params, ...rest } = rule;
    if (params === undefined) return rule;
    const names = Object.keys(params as Plain);
    const isTool = names.length === 1 && names[0] === "name";
    return isTool ? { ...rest, tool: (params as Plain)["name"] } : rule;
  },
});

/** An empty text counts as written in a document, and may be all that a rule has. */
function refuseNothing(rule: Plain, path: string): void {
  const values = Object.values(rule);
  if (values.length === 0 || values.some((value) => value !== "")) return;
  throw new PolicyWireError(path, 'it is empty on the wire, write "*" for what should be any');
}

function paramLeaves(
  value: unknown,
  path: string,
  prefix: string,
): readonly (readonly [string, unknown])[] {
  return Object.entries(plainMap(value, path)).flatMap(([key, entry]) => {
    const name = prefix + key;
    const isBranch = typeof entry === "object" && entry !== null && !Array.isArray(entry) &&
      !Object.hasOwn(entry, "glob") && !Object.hasOwn(entry, "any");
    return isBranch
      ? paramLeaves(entry, childPath(path, key), `${name}.`)
      : [[name, entry] as const];
  });
}

const endpointRecord = recordOf({
  host: TEXT,
  port: notEmpty(UNSIGNED),
  ports: notEmpty(listOf(UNSIGNED)),
  path: TEXT,
  protocol: TEXT,
  tls: notEmpty(TEXT),
  enforcement: notEmpty(TEXT),
  access: notEmpty(TEXT),
  rules: notEmpty(listOf(recordOf({ allow: REQUEST_RULE }))),
  deny_rules: notEmpty(listOf(REQUEST_RULE)),
  allowed_ips: listOf(TEXT),
  allow_encoded_slash: FLAG,
  websocket_credential_rewrite: FLAG,
  request_body_credential_rewrite: FLAG,
  allow_uninspected_credentials: FLAG,
  credential_signing: notEmpty(TEXT),
  signing_service: TEXT,
  signing_region: TEXT,
  credential_binding: recordOf({ provider: TEXT }),
  persisted_queries: notEmpty(TEXT),
  graphql_persisted_queries: mapOf(recordOf({
    operation_type: notEmpty(TEXT),
    operation_name: TEXT,
    fields: listOf(TEXT),
  })),
  graphql_max_body_bytes: notEmpty(UNSIGNED),
  json_rpc_max_body_bytes: notEmpty(UNSIGNED),
  mcp: recordOf({ strict_tool_names: FLAG, allow_all_known_mcp_methods: FLAG }),
});

/** Protocols whose requests are judged: only they have an enforcement that can be left out. */
const JUDGED_PROTOCOLS: readonly unknown[] = ["rest", "websocket", "graphql", "json-rpc", "mcp"];

const ENDPOINT: Codec = reshaped(endpointRecord, {
  before(endpoint, path) {
    if (Object.hasOwn(endpoint, "json_rpc_max_body_bytes")) {
      const at = childPath(path, "json_rpc_max_body_bytes");
      throw new PolicyWireError(at, "a policy document has no such key");
    }
    if (Object.hasOwn(endpoint, "port") && Object.hasOwn(endpoint, "ports")) {
      throw new PolicyWireError(childPath(path, "port"), "it should not stand beside ports");
    }
    return enforced(withOneBodyLimit(endpoint, path));
  },
  after(endpoint, path) {
    const { json_rpc_max_body_bytes: bytes, ...rest } = endpoint;
    const limited = bytes === undefined ? rest : { ...rest, json_rpc: { max_body_bytes: bytes } };
    return withOneWayToWritePorts(limited, path);
  },
});

/**
 * A document that says nothing enforces, while a reference gateway that is told nothing audits. So
 * the wire always says it.
 */
function enforced(endpoint: Plain): Plain {
  if (Object.hasOwn(endpoint, "enforcement")) return endpoint;
  const protocol = String(endpoint["protocol"] ?? "").toLowerCase();
  return JUDGED_PROTOCOLS.includes(protocol) ? { ...endpoint, enforcement: "enforce" } : endpoint;
}

/** The wire has one limit for JSON-RPC and MCP; in a document the one of `mcp` wins. */
function withOneBodyLimit(endpoint: Plain, path: string): Plain {
  const { json_rpc: rpc, mcp, ...rest } = endpoint;
  if (rpc === undefined && mcp === undefined) return endpoint;
  const { max_body_bytes: rpcBytes, ...unknown } = rpc === undefined
    ? {}
    : plainMap(rpc, childPath(path, "json_rpc"));
  for (const key of Object.keys(unknown)) {
    throw new PolicyWireError(`${path}.json_rpc.${key}`, "the wire has no such field");
  }
  if (rpc !== undefined && rpcBytes === undefined) {
    throw new PolicyWireError(
      `${path}.json_rpc`,
      "it is empty, which the wire cannot tell from absent",
    );
  }
  const { max_body_bytes: mcpBytes, ...options } = mcp === undefined
    ? {}
    : plainMap(mcp, childPath(path, "mcp"));
  const bytes = mcpBytes ?? rpcBytes;
  return {
    ...rest,
    ...(bytes !== undefined && { json_rpc_max_body_bytes: bytes }),
    ...(mcp !== undefined && { mcp: options }),
  };
}

/** The wire may have both, and then `ports` is the list of all. A document has one of them. */
function withOneWayToWritePorts(endpoint: Plain, path: string): Plain {
  const { port, ports, ...rest } = endpoint;
  if (ports === undefined) return endpoint;
  const all = ports as readonly number[];
  if (port !== undefined && !all.includes(port as number)) {
    throw new PolicyWireError(childPath(path, "port"), `${port} is not among ports`);
  }
  return all.length === 1 ? { ...rest, port: all[0] } : { ...rest, ports };
}

const RULE = recordOf({
  name: TEXT,
  endpoints: listOf(ENDPOINT),
  // `harness` does nothing, so that it may be anything in a document.
  binaries: listOf(reshaped(recordOf({ path: TEXT, harness: FLAG, descendants: FLAG }), {
    before: (binary) => "harness" in binary ? { ...binary, harness: !!binary["harness"] } : binary,
    after: (binary) => binary,
  })),
});

const MIDDLEWARE = recordOf({
  name: TEXT,
  middleware: TEXT,
  order: SIGNED,
  config: JSON_MAP,
  on_error: TEXT,
  endpoints: recordOf({ include: notEmpty(listOf(TEXT)), exclude: listOf(TEXT) }),
});

/** A whole policy document. */
export const POLICY: Codec = reshaped(
  recordOf({
    version: UNSIGNED,
    filesystem_policy: renamed(
      "filesystem",
      recordOf({ include_workdir: FLAG, read_only: listOf(TEXT), read_write: listOf(TEXT) }),
    ),
    landlock: recordOf({ compatibility: notEmpty(TEXT) }),
    process: recordOf({ run_as_user: TEXT, run_as_group: TEXT }),
    network_policies: mapOf(RULE),
    network_middlewares: mapOf(MIDDLEWARE),
  }),
  { before: confined, after: (policy) => policy },
);

/**
 * A document that says nothing requires Landlock, while a reference gateway that is told nothing
 * does without it where it is missing. So the wire always says it.
 */
function confined(policy: Plain): Plain {
  const { landlock } = policy;
  if (landlock !== undefined && Object.keys(plainMap(landlock, "landlock")).length > 0) {
    return policy;
  }
  return { ...policy, landlock: { compatibility: "hard_requirement" } };
}
