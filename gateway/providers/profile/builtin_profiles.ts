/**
 * The profiles that come with the program.
 *
 * They are data: the same text could be imported by anybody. Types without one, as `generic`, have
 * credentials that belong nowhere until a policy binds them.
 *
 * @module
 */

import anthropic from "../profiles/anthropic.yaml" with { type: "text" };
import aws from "../profiles/aws.yaml" with { type: "text" };
import awsBedrock from "../profiles/aws-bedrock.yaml" with { type: "text" };
import awsS3 from "../profiles/aws-s3.yaml" with { type: "text" };
import claudeCode from "../profiles/claude-code.yaml" with { type: "text" };
import codex from "../profiles/codex.yaml" with { type: "text" };
import copilot from "../profiles/copilot.yaml" with { type: "text" };
import cursor from "../profiles/cursor.yaml" with { type: "text" };
import deepinfra from "../profiles/deepinfra.yaml" with { type: "text" };
import github from "../profiles/github.yaml" with { type: "text" };
import gitlab from "../profiles/gitlab.yaml" with { type: "text" };
import googleCloud from "../profiles/google-cloud.yaml" with { type: "text" };
import googleVertexAi from "../profiles/google-vertex-ai.yaml" with { type: "text" };
import nvidia from "../profiles/nvidia.yaml" with { type: "text" };
import openai from "../profiles/openai.yaml" with { type: "text" };
import opencode from "../profiles/opencode.yaml" with { type: "text" };
import pypi from "../profiles/pypi.yaml" with { type: "text" };
import { CodedError } from "../../../proto/errors.ts";
import { parseProfile } from "./parse_profile.ts";
import type { Profile } from "./profile.ts";

/** A text that comes with the program is no profile. */
export class BuiltinProfileError extends CodedError {
  override readonly name = "BuiltinProfileError";
  override readonly code = "internal";
}

/** Types that have no profile. */
export const TYPES_WITHOUT_PROFILE: readonly string[] = ["generic", "outlook"];

/** Other names of types. */
export const TYPE_ALIASES: Readonly<Record<string, string>> = {
  claude: "claude-code",
  claude_code: "claude-code",
  gcp: "google-cloud",
  "gcp-vertex": "google-vertex-ai",
  gh: "github",
  glab: "gitlab",
  "google-vertex": "google-vertex-ai",
  vertex: "google-vertex-ai",
  "vertex-ai": "google-vertex-ai",
};

/** Returns the type that a word means. */
export function typeOf(word: string): string {
  return Object.hasOwn(TYPE_ALIASES, word) ? TYPE_ALIASES[word]! : word;
}

const TEXTS: Readonly<Record<string, string>> = {
  anthropic,
  aws,
  "aws-bedrock": awsBedrock,
  "aws-s3": awsS3,
  "claude-code": claudeCode,
  codex,
  copilot,
  cursor,
  deepinfra,
  github,
  gitlab,
  "google-cloud": googleCloud,
  "google-vertex-ai": googleVertexAi,
  nvidia,
  openai,
  opencode,
  pypi,
};

/** Ids of all of them, sorted. */
export const BUILTIN_PROFILE_IDS: readonly string[] = Object.keys(TEXTS);

/** Parses each when it is first asked for: a gateway that starts needs none. */
export class BuiltinProfiles {
  readonly #parsed = new Map<string, Profile>();

  get(id: string): Profile | null {
    if (!Object.hasOwn(TEXTS, id)) return null;
    const known = this.#parsed.get(id);
    if (known !== undefined) return known;
    const { profile, diagnostics } = parseProfile(TEXTS[id]!);
    if (profile === null) {
      const [first] = diagnostics.filter(({ severity }) => severity === "error");
      throw new BuiltinProfileError(`Cannot read profile "${id}": ${first?.message}`);
    }
    this.#parsed.set(id, profile);
    return profile;
  }

  list(): readonly Profile[] {
    return BUILTIN_PROFILE_IDS.flatMap((id) => this.get(id) ?? []);
  }
}

/** Whether an id means something already, wherever it is imported. */
export function isReservedId(id: string): boolean {
  return Object.hasOwn(TEXTS, id) || Object.hasOwn(TYPE_ALIASES, id) ||
    TYPES_WITHOUT_PROFILE.includes(id);
}
