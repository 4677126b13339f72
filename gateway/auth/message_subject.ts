/**
 * Finds out which sandbox a message of the wire is about.
 *
 * @module
 */

import type { DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

/** What a message says of its sandbox, before a name is resolved. */
export interface FoundSubject {
  /** Every `sandbox_id` in it, at the top or in its payload, also an empty one. */
  readonly sandboxIds: readonly string[];
  /** The sandbox's name; `null` where the message has no field for one. */
  readonly named: { readonly name: string; readonly workspace: string } | null;
}

/** Reads the fields that name a sandbox. A `name` names one unless the message has a `sandbox_id`. */
export function findSubject(schema: DescMessage, message: Message): FoundSubject {
  const sandboxIds = [...idsIn(schema, message)];
  const hasId = schema.fields.some(({ name }) => name === "sandbox_id");
  const hasName = schema.fields.some(({ name }) => name === "name");
  if (hasId || !hasName) return { sandboxIds, named: null };
  const text = (field: string) => textOf(schema, message, field) ?? "";
  return { sandboxIds, named: { name: text("name"), workspace: text("workspace") } };
}

function* idsIn(schema: DescMessage, message: Message): Generator<string> {
  const own = textOf(schema, message, "sandbox_id");
  if (own !== null) yield own;
  const fields = reflect(schema, message);
  for (const oneof of schema.oneofs) {
    const field = fields.oneofCase(oneof);
    if (field?.fieldKind !== "message") continue;
    const inner = fields.get(field);
    const id = textOf(field.message, inner.message, "sandbox_id");
    if (id !== null) yield id;
  }
}

function textOf(schema: DescMessage, message: Message, field: string): string | null {
  const found = schema.fields.find(({ name }) => name === field);
  if (found === undefined || found.fieldKind !== "scalar") return null;
  const value: unknown = reflect(schema, message).get(found);
  return typeof value === "string" ? value : null;
}
