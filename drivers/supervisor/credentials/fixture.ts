/**
 * A set of credentials for tests.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import {
  GetSandboxProviderEnvironmentResponseSchema,
} from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import { CredentialSet } from "./credential_set.ts";

export const SECRET = "real-value-of-the-key";
export const HANDLE = `s${"0a".repeat(32)}`;
export const NOW = 1_000_000;

/** Two credentials for one host, one that has expired, one without a place, and an open value. */
export function sampleCredentials(): CredentialSet {
  const at = (host: string, port: number, path = "") => ({ host, port, path });
  const bind = (endpoints: ReturnType<typeof at>[], workloadCredentialHandle = "") => ({
    endpoints,
    credentialIdentity: "work",
    workloadCredentialHandle,
  });
  return new CredentialSet(create(GetSandboxProviderEnvironmentResponseSchema, {
    providerEnvRevision: 7n,
    environment: {
      TOKEN: SECRET,
      ROTATING: "value-of-today",
      OLD: "expired-value",
      BROKEN: "two\r\nlines",
      SLASHED: "a/b",
      LOST: "value-without-a-place",
      REGION: "eu-1",
      LARGE: "l".repeat(16 * 1024),
    },
    staticCredentialBindings: {
      TOKEN: bind([at("api.example.com", 443), at("*.wild.example.com", 8443, "/v1/**")]),
      ROTATING: bind([at("api.example.com", 443)], HANDLE),
      OLD: bind([at("api.example.com", 443)]),
      BROKEN: bind([at("api.example.com", 443)]),
      SLASHED: bind([at("api.example.com", 443)]),
      LARGE: bind([at("api.example.com", 443)]),
    },
    dynamicCredentials: { TOKEN: { headerName: "X-Acme-Ticket", queryParam: "acme_ticket" } },
    credentialExpiresAtMs: { OLD: BigInt(NOW), TOKEN: BigInt(NOW + 1) },
    nonSecretEnvironmentKeys: ["REGION"],
  }));
}

export const AWS_SECRET = "aws-secret-that-signs";

export interface LiveCredentials {
  readonly token?: string;
  readonly handle?: string;
  readonly expiresAtMs?: number;
}

/** Credentials that are good now: one for an API, one by a handle, and keys of AWS. */
export function liveCredentials(
  { token = SECRET, handle = HANDLE, expiresAtMs = 0 }: LiveCredentials = {},
): CredentialSet {
  const bind = (host: string, workloadCredentialHandle = "", provider = "work") => ({
    endpoints: [{ host, port: 443, path: "" }, { host, port: 80, path: "" }],
    credentialIdentity: provider,
    workloadCredentialHandle,
  });
  const s3 = "*.s3.eu-west-1.amazonaws.com";
  return new CredentialSet(create(GetSandboxProviderEnvironmentResponseSchema, {
    providerEnvRevision: 1n,
    environment: {
      TOKEN: token,
      ROTATING: token,
      AWS_ACCESS_KEY_ID: "AKIDLIVE",
      AWS_SECRET_ACCESS_KEY: AWS_SECRET,
      AWS_SESSION_TOKEN: "aws-session-token",
    },
    staticCredentialBindings: {
      TOKEN: bind("api.example.com"),
      ROTATING: bind("api.example.com", handle),
      AWS_ACCESS_KEY_ID: bind(s3, "", "aws"),
      AWS_SECRET_ACCESS_KEY: bind(s3, "", "aws"),
      AWS_SESSION_TOKEN: bind(s3, "", "aws"),
    },
    credentialExpiresAtMs: expiresAtMs === 0 ? {} : { TOKEN: BigInt(expiresAtMs) },
  }));
}
