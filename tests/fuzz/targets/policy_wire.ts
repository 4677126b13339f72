/**
 * Policies of the wire: bytes that are a message become a document, or are refused in words.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { parse } from "yaml";
import { parsePolicy } from "../../../policy-wasm/parse_policy.ts";
import {
  policyDocumentFromWire,
  policyDocumentToWire,
  PolicyWireError,
  type SandboxPolicy,
  SandboxPolicySchema,
} from "../../../policy-wasm/wire.ts";
import type { Chance } from "../../differential/generate.ts";
import { mutate } from "../mutate.ts";
import { anyPolicyText } from "../support/policies.ts";
import type { Target } from "../target.ts";

export const POLICY_WIRE: Target = {
  name: "policy_wire",
  holds: "a policy of the wire is the document that is sent back, or is refused in words",
  iterations: 600,
  generate: (chance) => {
    const input = anyMessage(chance);
    if (chance.once(10)) return input;
    return mutate(input, chance, { other: anyMessage(chance), words: WORDS, changesMax: 4 });
  },
  check,
};

const WORDS = ["\x08\x01", "\x0a\x00", "\x12\x02\x08\x01", "\xff\xff\xff\xff\x0f", "\xfa\x3f\x01a"];

/** The message of the first document that has one. */
function anyMessage(chance: Chance): Uint8Array {
  for (;;) {
    const text = anyPolicyText(chance);
    const message = MESSAGES.get(text) ?? messageOf(text);
    MESSAGES.set(text, message);
    if (message !== "none") return message;
  }
}

/** Each document is read once. */
const MESSAGES = new Map<string, Uint8Array | "none">();

function messageOf(text: string): Uint8Array | "none" {
  if (parsePolicy(text).policy === null) return "none";
  try {
    return toBinary(SandboxPolicySchema, policyDocumentToWire(parse(text)));
  } catch (error) {
    if (error instanceof PolicyWireError) return "none";
    throw error;
  }
}

function check(input: Uint8Array): void {
  const message = decode(input);
  if (message === null) return;
  for (const withoutMarks of [false, true]) {
    const document = documentOf(message, withoutMarks);
    if (document === null) continue;
    const known: Uint8Array = toBinary(SandboxPolicySchema, message, { writeUnknownFields: false });
    const all: Uint8Array = toBinary(SandboxPolicySchema, message);
    assert.equal(known.length, all.length, "what is not known was left out");
    const text = JSON.stringify(document);
    const { policy } = parsePolicy(text);
    if (policy === null) continue;
    const back = policyDocumentFromWire(
      fromBinary(
        SandboxPolicySchema,
        toBinary(SandboxPolicySchema, policyDocumentToWire(JSON.parse(text))),
      ),
    );
    assert.deepEqual(parsePolicy(JSON.stringify(back)).policy, policy, "sending changes it");
  }
}

/** What is no message never gets as far as to us. */
function decode(input: Uint8Array): SandboxPolicy | null {
  try {
    return fromBinary(SandboxPolicySchema, input);
  } catch {
    return null;
  }
}

function documentOf(message: SandboxPolicy, withoutMarks: boolean): unknown {
  try {
    return policyDocumentFromWire(message, { withoutMarks });
  } catch (error) {
    if (error instanceof PolicyWireError) return null;
    throw error;
  }
}
