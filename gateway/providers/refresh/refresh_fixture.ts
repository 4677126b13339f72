/**
 * Sections of profiles, and answers of token servers, for tests.
 *
 * @module
 */

import type { ProfileRefresh } from "../profile/profile.ts";
import type { TokenAnswer } from "./send_token_request.ts";

/** Returns a refresh section, changed where asked. */
export function refreshOf(change: Partial<ProfileRefresh> = {}): ProfileRefresh {
  return {
    strategy: "oauth2_refresh_token",
    tokenUrl: "https://login.example.com/token",
    scopes: ["mail.read"],
    refreshBeforeSeconds: 0,
    maxLifetimeSeconds: 0,
    material: [],
    additionalOutputs: [],
    ...change,
  };
}

/** Returns an answer of JSON. */
export function answerOf(fields: unknown, status = 200): TokenAnswer {
  return { status, body: JSON.stringify(fields) };
}

/** A profile whose token is made anew, as a document. */
export const PROFILE_TEXT = `id: mail
category: messaging
credentials:
  - name: token
    env_vars: [MAIL_TOKEN]
    refresh:
      strategy: oauth2_refresh_token
      token_url: https://login.example.com/token
      scopes: [mail.read]
  - name: other
    env_vars: [OTHER_TOKEN]
    refresh: { strategy: static }
  - { name: plain, env_vars: [PLAIN] }
endpoints:
  - { host: api.example.com, port: 443, protocol: rest, access: full }
binaries: [/usr/bin/curl]
`;

/** One whose keys are those of a role. */
export const ROLE_TEXT = `id: role
category: other
credentials:
  - name: id
    env_vars: [ROLE_ID]
    refresh:
      strategy: aws_sts_assume_role
      additional_outputs:
        - { output: secret_access_key, credential: secret }
        - { output: session_token, credential: session }
  - { name: secret, env_vars: [ROLE_SECRET] }
  - { name: session, env_vars: [ROLE_SESSION] }
endpoints:
  - { host: aws.example.com, port: 443, protocol: rest, access: full }
binaries: [/usr/bin/curl]
`;
