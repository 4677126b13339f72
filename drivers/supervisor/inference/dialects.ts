/**
 * How a call is written for a server that has the model in its path: the path, and what of the body.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import type { ProtocolId } from "./protocols.ts";

/** What is done to the members of a body; every other one stays as it came. */
export interface BodyRules {
  /**
   * `forced` is set whether it was there or not, `replaced` only where it was, because a server
   * that has the model in its path may take none or the same.
   */
  readonly model: "forced" | "replaced" | "dropped";
  /** Members that the server refuses. */
  readonly drops: readonly string[];
  /** Members that the server wants with this value, whatever came. */
  readonly sets: Readonly<Record<string, string>>;
}

export interface Dialect {
  /** The one protocol of such a server; `null` for those that have the model in the body. */
  readonly protocol: ProtocolId | null;
  readonly body: BodyRules;
  /** Returns the path after the base; `null` is the call's own. */
  readonly pathOf: (model: string, isStream: boolean) => string | null;
}

/** Servers of the OpenAI and the Anthropic kind. */
export const PLAIN: Dialect = {
  protocol: null,
  body: { model: "forced", drops: [], sets: {} },
  pathOf: () => null,
};

/** Claude of Google Vertex AI. */
const VERTEX_CLAUDE: Dialect = {
  protocol: "anthropic_messages",
  body: {
    model: "dropped",
    drops: ["context_management"],
    sets: { anthropic_version: "vertex-2023-10-16" },
  },
  pathOf: (model, isStream) => {
    // Names have their date after an at sign, which Google's own clients leave as it is.
    const name = encodeURIComponent(model).replaceAll("%40", "@");
    return `/${name}:${isStream ? "streamRawPredict" : "rawPredict"}`;
  },
};

const BEDROCK: Dialect = {
  protocol: "aws_bedrock_invoke",
  body: { model: "replaced", drops: [], sets: {} },
  pathOf: (model) => `/model/${encodeURIComponent(model)}/invoke`,
};

const IN_PATH: ReadonlyMap<string, Dialect> = new Map([
  ["google-vertex-ai", VERTEX_CLAUDE],
  ["aws-bedrock", BEDROCK],
]);

/** Returns how a type of provider has a model in its path; `null` where nobody knows. */
export function dialectInPath(providerType: string): Dialect | null {
  return IN_PATH.get(providerType) ?? null;
}
