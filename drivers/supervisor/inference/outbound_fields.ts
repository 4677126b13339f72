/**
 * The headers of a model call as it leaves, but for its key: of the caller's the few that are known.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import type { HeaderField } from "../egress/http1/header_fields.ts";
import { COMMON_HEADERS, traitsOf } from "./provider_traits.ts";

export interface OutboundOptions {
  readonly providerType: string;
  /** The call has a body, which OpenShell has written as JSON. */
  readonly hasBody: boolean;
}

/** Whatever is not listed stays behind: a caller's keys, cookies, and what nobody thought of. */
export function outboundFields(
  sent: readonly HeaderField[],
  { providerType, hasBody }: OutboundOptions,
): readonly HeaderField[] {
  const { headers, defaults } = traitsOf(providerType);
  const names = [...COMMON_HEADERS, ...headers].filter((name) => name !== "content-type");
  const fields: HeaderField[] = [];
  for (const name of names) {
    const found = sent.find(([key]) => key.toLowerCase() === name) ??
      defaults.find(([key]) => key === name);
    if (found !== undefined) fields.push([name, found[1]]);
  }
  if (hasBody) fields.push(["Content-Type", "application/json"]);
  fields.push(["Accept-Encoding", "identity"]);
  return fields;
}
