/**
 * Credentials of a sandbox that has a provider of Google Cloud, for tests.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import {
  GetSandboxProviderEnvironmentResponseSchema,
} from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import { CredentialSet } from "../credentials/credential_set.ts";

export const GOOGLE_SECRET = "ya29.real-token";

export interface GoogleCredentials {
  /** Keys of tokens that have a place, with their handles. */
  readonly tokens?: Readonly<Record<string, string>>;
  /** Variables in clear, beside those that lead to the server. */
  readonly config?: Readonly<Record<string, string>>;
  readonly expiresAtMs?: Readonly<Record<string, number>>;
  readonly metadataHost?: string;
}

/** One token for one host, without an end, unless a test wants something else. */
export function googleCredentials({
  tokens = { GCP_ADC_ACCESS_TOKEN: "" },
  config = { GOOGLE_CLOUD_PROJECT: "acme-1" },
  expiresAtMs = {},
  metadataHost = "127.0.0.1:8174",
}: GoogleCredentials = {}): CredentialSet {
  const open = { GCE_METADATA_HOST: metadataHost, ...config };
  const keys = Object.keys(tokens);
  return new CredentialSet(create(GetSandboxProviderEnvironmentResponseSchema, {
    environment: { ...open, ...Object.fromEntries(keys.map((key) => [key, GOOGLE_SECRET])) },
    nonSecretEnvironmentKeys: Object.keys(open),
    staticCredentialBindings: Object.fromEntries(
      Object.entries(tokens).map(([key, workloadCredentialHandle]) => [key, {
        endpoints: [{ host: "storage.example.com", port: 443, path: "" }],
        credentialIdentity: "cloud",
        workloadCredentialHandle,
      }]),
    ),
    credentialExpiresAtMs: Object.fromEntries(
      Object.entries(expiresAtMs).map(([key, at]) => [key, BigInt(at)]),
    ),
  }));
}
