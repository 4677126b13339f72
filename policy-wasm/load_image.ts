/**
 * Checks that bytes are an intact policy image and reads what the host side needs of it.
 *
 * @module
 */

import {
  HEADER_DIGEST,
  HEADER_LENGTH,
  HEADER_MAGIC,
  HEADER_POLICY,
  HEADER_VERSION,
  HEADER_WORDS,
  IMAGE_VERSION,
  MAGIC,
} from "./assembly/format.ts";
import { digestOf } from "./compile.ts";
import { CodedError } from "../proto/errors.ts";
import { IMAGE_BYTES_MAX } from "../proto/limits.ts";
import type { Policy } from "./policy.ts";

/** Bytes are not an image that this program can load. */
export class ImageError extends CodedError {
  override readonly name = "ImageError";
  override readonly code = "invalid_argument";

  constructor(detail: string, options?: ErrorOptions) {
    super(`Cannot load policy image: ${detail}`, {
      ...options,
      hint: "Compile the policy again with this version of openshell",
    });
  }
}

/** What the host side knows of an image. */
export interface LoadedImage {
  readonly generation: string;
  readonly policy: Policy;
  /** By endpoint number: the rule's key and the endpoint's index in it. */
  readonly endpoints: readonly { readonly rule: string; readonly endpoint: number }[];
}

/**
 * Reads an image. The digest in it is checked, so a changed byte anywhere is found.
 *
 * @throws {ImageError} It is too short or long, of another version, or not intact.
 */
export function loadImage(bytes: Uint8Array): LoadedImage {
  if (bytes.length < HEADER_WORDS * 4) throw new ImageError("it is shorter than its header");
  if (bytes.length > IMAGE_BYTES_MAX) throw new ImageError("it is larger than an image may be");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = (index: number) => view.getUint32(index * 4, true);
  if (header(HEADER_MAGIC) !== MAGIC) throw new ImageError("it does not start like one");
  if (header(HEADER_VERSION) !== IMAGE_VERSION) {
    throw new ImageError(`it has version ${header(HEADER_VERSION)}, not ${IMAGE_VERSION}`);
  }
  if (header(HEADER_LENGTH) !== bytes.length) throw new ImageError("it is cut or has more bytes");
  const digest = digestOf(bytes).toHex();
  const stored = bytes.subarray(HEADER_DIGEST * 4, HEADER_DIGEST * 4 + 32).toHex();
  if (digest !== stored) throw new ImageError("its bytes do not have the digest that it states");
  const start = header(HEADER_POLICY);
  const policy = parsePolicyJson(bytes.subarray(start, start + header(HEADER_POLICY + 1)));
  const endpoints = policy.rules.flatMap((rule) =>
    rule.endpoints.map((_, endpoint) => ({ rule: rule.key, endpoint }))
  );
  return { generation: `sha256:${digest}`, policy, endpoints };
}

function parsePolicyJson(bytes: Uint8Array): Policy {
  let policy: unknown;
  try {
    policy = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ImageError("its policy is not readable", { cause });
  }
  if (!hasRules(policy)) throw new ImageError("its policy has no rules with endpoints");
  return policy;
}

/** The rest of the policy was written by the compiler, and the digest says that nobody changed it. */
function hasRules(policy: unknown): policy is Policy {
  const rules = (policy as Partial<Policy> | null)?.rules;
  return Array.isArray(rules) && rules.every((rule) => Array.isArray(rule?.endpoints));
}
