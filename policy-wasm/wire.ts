/**
 * Policy documents as messages of the wire, and back.
 *
 * A document goes over and comes back with the same meaning: `parsePolicy` makes the same policy
 * of it. Its text does not: comments and order go, `tool` and ports have one spelling, and what is
 * strict because nothing was written is written out, since reference gateways are lax there.
 *
 * Fails closed: what one form has no words for is an error, never left out.
 *
 * @module
 */

import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import {
  type SandboxPolicy,
  SandboxPolicySchema,
} from "../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
import { childPath, type Plain, PolicyWireError } from "./wire_codec.ts";
import { POLICY } from "./wire_shape.ts";

export {
  type SandboxPolicy,
  SandboxPolicySchema,
} from "../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
export { PolicyWireError } from "./wire_codec.ts";

/**
 * Returns the message of a document: the plain value of YAML that `parsePolicy` found valid.
 *
 * @throws {PolicyWireError} names the place that the wire cannot express.
 */
export function policyDocumentToWire(document: unknown): SandboxPolicy {
  const json = POLICY.toWire(document, "") as JsonValue;
  try {
    return fromJson(SandboxPolicySchema, json);
  } catch (error) {
    throw new PolicyWireError("", (error as Error).message);
  }
}

/** What may be left out on the way from the wire. */
export interface FromWireOptions {
  /**
   * Leaves out the marks that a gateway puts on endpoints of its own policies, and that no document
   * has. For showing a policy of a gateway; otherwise they are an error.
   */
  readonly withoutMarks?: boolean;
}

/**
 * Returns the document of a message as a plain value. As JSON text it is for `parsePolicy`, which
 * has the last word: a message may be well formed and still be no valid policy.
 *
 * @throws {PolicyWireError} names the place that a document cannot express: marks, and fields of a
 * later version.
 */
export function policyDocumentFromWire(
  message: SandboxPolicy,
  { withoutMarks = false }: FromWireOptions = {},
): Plain {
  refuseUnknownFields(message, "");
  const json = toJson(SandboxPolicySchema, message, { useProtoFieldName: true });
  return POLICY.fromWire(withoutMarks ? unmarked(json) : json, "") as Plain;
}

/** A later version may have put there what restricts, so it is not for us to ignore. */
function refuseUnknownFields(value: unknown, path: string): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => refuseUnknownFields(item, `${path}[${index}]`));
    return;
  }
  const isMessage = typeof (value as { $typeName?: unknown }).$typeName === "string";
  const unknown = isMessage ? (value as { $unknown?: readonly { no: number }[] }).$unknown : null;
  if (unknown && unknown.length > 0) {
    throw new PolicyWireError(path, `field ${unknown[0]!.no} of the wire is not known`);
  }
  for (const [key, entry] of Object.entries(value)) {
    refuseUnknownFields(entry, childPath(path, isMessage ? snakeCase(key) : key));
  }
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const MARKS: readonly string[] = ["provider_credentialed", "advisor_proposed"];

function unmarked(json: JsonValue): JsonValue {
  const { network_policies: rules, ...policy } = json as Plain;
  if (rules === undefined) return json;
  const without = Object.entries(rules as Readonly<Record<string, Plain>>).map(([key, rule]) => {
    const { endpoints, ...rest } = rule;
    if (endpoints === undefined) return [key, rule];
    const bare = (endpoints as readonly Plain[]).map((endpoint) =>
      Object.fromEntries(Object.entries(endpoint).filter(([name]) => !MARKS.includes(name)))
    );
    return [key, { ...rest, endpoints: bare }];
  });
  return { ...policy, network_policies: Object.fromEntries(without) } as JsonValue;
}
