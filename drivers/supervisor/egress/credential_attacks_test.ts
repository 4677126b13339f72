import assert from "node:assert/strict";
import { endpointOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import { CredentialSet } from "../credentials/credential_set.ts";
import { AWS_SECRET, HANDLE, liveCredentials, SECRET } from "../credentials/fixture.ts";
import type { AuditEvent } from "../events/audit_event.ts";
import {
  ANY,
  API,
  ATTACKS,
  BUCKET,
  EVIL,
  FILLED,
  JSON_TYPE,
  POST,
  request,
  rulesFor,
  TOKEN,
} from "./credential_attacks.ts";
import type { MemoryStream } from "./http1/memory_stream.ts";
import {
  type Answer,
  clientHello,
  parseAnswer,
  type Pipeline,
  readHead,
  readText,
  send,
  withPipeline,
} from "./pipeline_fixture.ts";

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

Deno.test("the proxy takes no value that was revoked while a server was dialled anew", () => {
  let dials = 0;
  const onDial = (pipeline: Pipeline) => {
    dials += 1;
    if (dials === 2) pipeline.load(policyOf(...rulesFor()), CredentialSet.NONE);
    return true;
  };
  return withPipeline(
    { rules: rulesFor(), credentials: liveCredentials(), onDial },
    async (pipeline) => {
      const { client, server } = await pipeline.connect(`${API}:443`);
      await send(client, clientHello(API));
      const asked = request(`X-Api-Key: ${TOKEN}\r\n`);
      await send(client, asked);
      assert.ok((await readHead(server)).includes(SECRET));
      await send(server, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
      assert.match(await readHead(client), /^HTTP\/1\.1 204 /);
      server.close();
      await send(client, asked);
      assert.match(await readHead(client), /^HTTP\/1\.1 403 [^]*credential_unknown/);
      client.close();
      assert.deepEqual([dials, await readText(pipeline.servers[1]!)], [2, ""]);
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
