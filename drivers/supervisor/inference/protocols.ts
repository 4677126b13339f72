/**
 * Which requests to `inference.local` are model calls, and of which protocol.
 *
 * Exact spellings only: whatever else a server might read as one of these paths is not recognised.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

export type ProtocolId =
  | "openai_chat_completions"
  | "openai_completions"
  | "openai_responses"
  | "openai_embeddings"
  | "anthropic_messages"
  | "model_discovery"
  | "aws_bedrock_invoke";

/** One recognised call. */
export interface RecognisedCall {
  readonly protocol: ProtocolId;
  readonly method: "GET" | "POST";
  /** Begins with `/v1/` or `/model/`. */
  readonly path: string;
  /** The model that the path asks for; `null` where the body does. */
  readonly model: string | null;
  /** With `?`, or empty: of what a caller sent, the parameters that a protocol has. */
  readonly query: string;
  /** Its reply goes on as it comes; otherwise as a whole. */
  readonly isStreamed: boolean;
}

interface Shape {
  readonly protocol: ProtocolId;
  readonly isStreamed: boolean;
  readonly parameters: readonly string[];
}

const POSTS: ReadonlyMap<string, Shape> = new Map([
  ["/v1/chat/completions", shape("openai_chat_completions", true)],
  ["/v1/completions", shape("openai_completions", true)],
  ["/v1/responses", shape("openai_responses", true)],
  ["/v1/messages", shape("anthropic_messages", true, ["beta"])],
  ["/v1/embeddings", shape("openai_embeddings", false)],
]);

const DISCOVERY = shape("model_discovery", false, ["after_id", "before_id", "limit"]);

/** Segments of a model's name, of which some have slashes and colons. No dots alone. */
const MODEL_PATH =
  /^\/v1\/models(?:\/(?!\.{1,2}(?:\/|$))(?:[A-Za-z0-9._:@-]|%2[fF]|%3[aA]|%40)+){0,4}$/;

const INVOKE = shape("aws_bedrock_invoke", false);

/** One segment: a name, or an address of a resource with its slashes encoded. */
const INVOKE_PATH = /^\/model\/(?!\.{1,2}\/)((?:[A-Za-z0-9._:@-]|%2[fF]|%3[aA]|%40)+)\/invoke$/;

const PARAMETER = /^([a-z_]{1,32})=([A-Za-z0-9._-]{0,128})$/;

const ORIGIN = /^https:\/\/[^/?#]*(?=\/)/i;

/** Returns `null` for what is no model call. */
export function recogniseCall(method: string, target: string): RecognisedCall | null {
  const [path = "", ...rest] = target.replace(ORIGIN, "").split("?");
  const invoked = method === "POST" ? INVOKE_PATH.exec(path)?.[1] : undefined;
  const found = invoked !== undefined
    ? INVOKE
    : method === "POST"
    ? POSTS.get(path)
    : method === "GET" && MODEL_PATH.test(path)
    ? DISCOVERY
    : undefined;
  if (found === undefined || (method !== "GET" && method !== "POST")) return null;
  const { protocol, isStreamed, parameters } = found;
  const kept = rest.join("?").split("&").filter((part) => {
    const name = PARAMETER.exec(part)?.[1];
    return name !== undefined && parameters.includes(name);
  });
  const query = kept.length === 0 ? "" : `?${kept.join("&")}`;
  const model = invoked === undefined ? null : decodeURIComponent(invoked);
  return { protocol, method, path, model, query, isStreamed };
}

function shape(
  protocol: ProtocolId,
  isStreamed: boolean,
  parameters: readonly string[] = [],
): Shape {
  return { protocol, isStreamed, parameters };
}
