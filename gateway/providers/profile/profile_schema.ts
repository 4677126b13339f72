/**
 * The keys of a profile document and the type of each.
 *
 * Endpoints and binaries are taken as they are: `parse_profile.ts` reads them as a policy's.
 *
 * @module
 */

import {
  flag,
  integer,
  list,
  mapOf,
  type Reader,
  record,
  type RecordOf,
  text,
} from "../../../policy-wasm/parse/reader.ts";
import { typeOf } from "../../../policy-wasm/parse/tree.ts";

const MATERIAL_SHAPE = { name: text, description: text, required: flag, secret: flag };

const OUTPUT_SHAPE = { output: text, credential: text };

const REFRESH_SHAPE = {
  strategy: text,
  token_url: text,
  scopes: list(text),
  refresh_before_seconds: integer,
  max_lifetime_seconds: integer,
  material: list(record(MATERIAL_SHAPE, { what: "a piece of material" })),
  additional_outputs: list(record(OUTPUT_SHAPE, { what: "an additional output" })),
};

/** How a credential is made anew, as written. */
export type RawRefresh = RecordOf<typeof REFRESH_SHAPE>;

const CREDENTIAL_SHAPE = {
  name: text,
  description: text,
  env_vars: list(text),
  required: flag,
  auth_style: text,
  header_name: text,
  query_param: text,
  path_template: text,
  refresh: record(REFRESH_SHAPE, { what: "refresh", renamed: { token_uri: "token_url" } }),
};

/** One credential as written. */
export type RawCredential = RecordOf<typeof CREDENTIAL_SHAPE>;

const CREDENTIAL: Reader<RawCredential> = record(CREDENTIAL_SHAPE, {
  what: "a credential",
  renamed: { env: "env_vars", env_var: "env_vars", header: "header_name", auth: "auth_style" },
  notes: {
    value: "a profile holds no values",
    token_grant: "token grants are not in this build",
  },
});

const PROFILE_SHAPE = {
  id: text,
  resource_version: integer,
  annotations: mapOf(text),
  display_name: text,
  description: text,
  category: text,
  inference_capable: flag,
  credentials: list(CREDENTIAL),
  discovery: record({ credentials: list(text) }, { what: "discovery" }),
  endpoints: taken,
  binaries: taken,
  /** Export and the gateway's answers have them; they say nothing. */
  source: text,
  scope: text,
};

/** A profile document as written. */
export type RawProfile = RecordOf<typeof PROFILE_SHAPE>;

/** Reads a whole document. */
export const profileDocument: Reader<RawProfile> = record(PROFILE_SHAPE, {
  what: "a profile",
  renamed: { name: "display_name", env_vars: "credentials", type: "id" },
  notes: { network_policies: "a profile has endpoints and binaries of its own" },
});

/** A list that somebody else reads. */
function taken(
  ...[field, findings]: Parameters<Reader<true>>
): true | undefined {
  if (field.node.kind === "list") return true;
  const what = typeOf(field.node) === "nothing" ? "empty" : `a ${field.node.kind}`;
  findings.add("wrong_type", field, `"${field.origin?.step}" is ${what}, should be a list`);
  return undefined;
}
