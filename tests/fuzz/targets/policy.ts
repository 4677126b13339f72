/**
 * Policy documents: diagnostics with their places, or a policy that stays the same when it is
 * formatted or sent.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { parse } from "yaml";
import { checkPolicy } from "../../../policy-wasm/check_policy.ts";
import { formatPolicy } from "../../../policy-wasm/format_policy.ts";
import { type ParsedPolicy, parsePolicy } from "../../../policy-wasm/parse_policy.ts";
import { renderDiagnostic } from "../../../policy-wasm/render_diagnostic.ts";
import {
  policyDocumentFromWire,
  policyDocumentToWire,
  PolicyWireError,
  SandboxPolicySchema,
} from "../../../policy-wasm/wire.ts";
import { DIAGNOSTICS_MAX } from "../../../proto/limits.ts";
import { mutate } from "../mutate.ts";
import { anyPolicyText, POLICY_WORDS } from "../support/policies.ts";
import { type Target, utf8Bytes } from "../target.ts";

export const POLICY: Target = {
  name: "policy",
  holds: "a document gives diagnostics with places, or a policy that formatting and sending keep",
  iterations: 500,
  generate: (chance) => {
    const input = utf8Bytes(anyPolicyText(chance));
    if (chance.once(10)) return input;
    const other = utf8Bytes(anyPolicyText(chance));
    return mutate(input, chance, { words: POLICY_WORDS, other, changesMax: 4 });
  },
  check: (input) => {
    const parsed = checkPolicy(input);
    checkPrototypes();
    checkDiagnostics(parsed);
    if (parsed.policy === null) return;
    const text = new TextDecoder().decode(input);
    assert.deepEqual(parsePolicy(text).policy, parsed.policy, "text and bytes read differently");
    const formatted = formatPolicy(text);
    assert.deepEqual(parsePolicy(formatted).policy, parsed.policy, "formatting changes it");
    assert.equal(formatPolicy(formatted), formatted, "formatting has no end");
    checkWire(text, parsed);
  },
};

/** Whatever a document says, it says nothing about objects of the program. */
function checkPrototypes(): void {
  for (const prototype of [Object.prototype, Array.prototype]) {
    assert.equal(Object.keys(prototype).length, 0, "a prototype was changed");
  }
  assert.equal("allow" in {}, false, "a prototype was changed");
}

function checkDiagnostics({ policy, diagnostics, source }: ParsedPolicy): void {
  assert.ok(diagnostics.length <= DIAGNOSTICS_MAX + 1);
  const isRefused = diagnostics.some(({ severity }) => severity === "error");
  assert.equal(policy === null, isRefused, "an error and a policy, or neither");
  const lines = source.text.split("\n");
  for (const diagnostic of diagnostics) {
    const { line, column, endLine, endColumn, message, code } = diagnostic;
    assert.match(code, /^[a-z0-9_]+$/);
    assert.ok(message.length > 0 && message.length < 10_000);
    assert.ok(line >= 1 && line <= Math.max(lines.length, 1), `${code}: line ${line}`);
    assert.ok(column >= 1 && column <= (lines[line - 1] ?? "").length + 1, `${code}: ${column}`);
    assert.ok(endLine > line || (endLine === line && endColumn >= column), `${code}: its end`);
    assert.ok(renderDiagnostic(diagnostic, source, { file: "policy.yaml" }).length > 0);
  }
}

function checkWire(text: string, { policy }: ParsedPolicy): void {
  let bytes: Uint8Array;
  try {
    bytes = toBinary(SandboxPolicySchema, policyDocumentToWire(parse(text)));
  } catch (error) {
    if (error instanceof PolicyWireError) return;
    throw error;
  }
  const back = policyDocumentFromWire(fromBinary(SandboxPolicySchema, bytes));
  assert.deepEqual(parsePolicy(JSON.stringify(back)).policy, policy, "sending changes it");
}
