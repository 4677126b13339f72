/**
 * Reads `destination.yaml`: the resolved addresses of a host, and what `judgeDestination` says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parse } from "yaml";
import type {
  DestinationFacts,
  DestinationMode,
  DestinationReason,
} from "../../policy-wasm/destination.ts";
import { Fields } from "./fields.ts";

/** One connection and the verdict that is due. */
export interface DestinationCase {
  readonly name: string;
  readonly facts: DestinationFacts;
  readonly want: WantedVerdict;
}

/** `address` is the one that is to blame, absent where the case does not say. */
export type WantedVerdict =
  | { readonly ok: true; readonly mode: DestinationMode; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly reason: DestinationReason; readonly address?: string };

/** Returns the cases of the file, in its order. */
export function loadDestinationCases(): DestinationCase[] {
  const text = Deno.readTextFileSync(new URL("./destination.yaml", import.meta.url));
  const fields = new Fields(parse(text), "destination.yaml");
  fields.text("title");
  const cases = fields.list("cases").map((value, index) =>
    readCase(new Fields(value, `Case ${index + 1} of destination.yaml`))
  );
  fields.end();
  const names = cases.map(({ name }) => name);
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  assert.deepEqual(repeated, [], "Names repeat");
  return cases;
}

/** All modes of {@link DestinationMode}. */
export const DESTINATION_MODES: readonly DestinationMode[] = [
  "trusted_gateway",
  "allowed_ips",
  "ip_literal",
  "declared_host",
  "public_only",
];

/** All reasons of {@link DestinationReason}. */
export const DESTINATION_REASONS: readonly DestinationReason[] = [
  "destination_unresolved",
  "destination_always_blocked",
  "destination_internal",
  "destination_not_in_allowed_ips",
  "destination_control_plane_port",
  "allowed_ips_invalid",
];

function readCase(fields: Fields): DestinationCase {
  const name = fields.text("name");
  const facts: DestinationFacts = {
    host: fields.text("host"),
    port: fields.number("port"),
    addresses: fields.texts("addresses"),
    endpoint: {
      hostKind: fields.word("declared", ["exact", "pattern", "none"]),
      allowedIps: fields.texts("allowed_ips", []),
      advisorProposed: fields.flag("advisor_proposed", false),
    },
    trustedGatewayIp: fields.has("trusted_gateway") ? fields.text("trusted_gateway") : null,
  };
  const want = readWanted(fields, facts);
  fields.end();
  return { name, facts, want };
}

/** What is dialled is what was resolved, in canonical text, so `dial` is for other spellings. */
function readWanted(fields: Fields, facts: DestinationFacts): WantedVerdict {
  if (fields.word("verdict", ["allow", "deny"]) === "allow") {
    const mode = fields.word("mode", DESTINATION_MODES);
    return { ok: true, mode, addresses: fields.texts("dial", facts.addresses) };
  }
  const reason = fields.word("reason", DESTINATION_REASONS);
  return { ok: false, reason, ...(fields.has("address") && { address: fields.text("address") }) };
}
