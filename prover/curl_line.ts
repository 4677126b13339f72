/**
 * A counterexample as a command that a person can try in a sandbox.
 *
 * @module
 */

import type { GraphqlOperation, RpcMessage } from "../policy-wasm/request.ts";
import type { Witness } from "./report.ts";

/** Returns a `curl` command, or `null` for a message that curl does not send. */
export function curlLine(witness: Witness): string | null {
  const { target, method, path, query, graphql, rpc } = witness;
  if (method === "WEBSOCKET_TEXT") return null;
  const scheme = target.port === 80 ? "http" : "https";
  const isUsual = target.port === 80 || target.port === 443;
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  const pairs = query.map(([key, value]) =>
    `${encodeURIComponent(key)}=${encodeURIComponent(value)}`
  );
  const body = graphql !== null ? operationBody(graphql) : rpc !== null ? messageBody(rpc) : null;
  const isSent = body !== null && method !== "GET";
  // An operation travels in the query of a GET.
  if (graphql !== null && body !== null && !isSent) pairs.push(...queryOf(body));
  const search = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  const url = `${scheme}://${host}${isUsual ? "" : `:${target.port}`}${path}${search}`;
  return [
    "curl -sS",
    method === "HEAD" ? "--head" : method === "GET" ? "" : `-X ${method}`,
    rpc?.kind === "stream" ? "-H 'Accept: text/event-stream'" : "",
    isSent ? `-H 'Content-Type: application/json' -d ${quote(JSON.stringify(body))}` : "",
    "--path-as-is -g",
    quote(url),
  ].filter((part) => part !== "").join(" ");
}

type Body = Readonly<Record<string, unknown>>;

function operationBody(operation: GraphqlOperation): Body {
  if (operation.kind === "persisted") {
    return { extensions: { persistedQuery: { version: 1, sha256Hash: operation.id } } };
  }
  const { type, name, fields } = operation;
  return { query: `${type}${name === "" ? "" : ` ${name}`} { ${fields.join(" ")} }` };
}

function messageBody(message: RpcMessage): Body | null {
  switch (message.kind) {
    case "stream":
      return null;
    case "response":
      return { jsonrpc: "2.0", id: 1, result: {} };
    case "call": {
      const { method, tool } = message;
      const params = tool === undefined ? {} : { params: { name: tool } };
      return { jsonrpc: "2.0", id: 1, method, ...params };
    }
  }
}

function queryOf(body: Body): readonly string[] {
  return Object.entries(body).map(([key, value]) =>
    `${key}=${encodeURIComponent(typeof value === "string" ? value : JSON.stringify(value))}`
  );
}

/** Quotes a text for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
