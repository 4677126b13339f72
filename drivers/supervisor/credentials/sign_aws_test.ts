import assert from "node:assert/strict";
import { type AwsKeys, regionOf, sha256, signAws, UNSIGNED_PAYLOAD } from "./sign_aws.ts";

/** Keys, time and place of the vectors that AWS publishes with Signature Version 4. */
const KEYS: AwsKeys = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: null,
};
const SCOPE = {
  service: "service",
  region: "us-east-1",
  nowMs: Date.UTC(2015, 7, 30, 12, 36),
};
const REQUEST = {
  method: "GET",
  host: "example.amazonaws.com",
  target: "/",
  fields: [],
  payload: sha256(""),
};

function authorizationOf(fields: readonly (readonly [string, string])[]): string {
  return fields.find(([name]) => name === "Authorization")?.[1] ?? "";
}

Deno.test.each([
  {
    name: "get-vanilla",
    request: {},
    want: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  },
  {
    name: "get-vanilla-query-order-key-case",
    request: { target: "/?Param2=value2&Param1=value1" },
    want: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  },
  {
    name: "post-vanilla",
    request: { method: "POST" },
    want: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  },
])("signAws() signs the published request $name", ({ request, want }) => {
  const fields = signAws({ ...REQUEST, ...request }, KEYS, SCOPE);
  assert.equal(authorizationOf(fields).split("Signature=")[1], want);
});

Deno.test("signAws() signs the published read of an object", () => {
  const keys = {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    sessionToken: null,
  };
  const fields = signAws(
    {
      method: "GET",
      host: "examplebucket.s3.amazonaws.com",
      target: "/test.txt",
      fields: [["Range", "bytes=0-9"]],
      payload: sha256(""),
    },
    keys,
    { service: "s3", region: "us-east-1", nowMs: Date.UTC(2013, 4, 24) },
  );
  assert.equal(
    authorizationOf(fields),
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, " +
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, " +
      "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  );
});

Deno.test("signAws() signs the session token, and says that a body is not signed", () => {
  const keys = { ...KEYS, sessionToken: "session" };
  const fields = signAws({ ...REQUEST, payload: UNSIGNED_PAYLOAD }, keys, SCOPE);
  assert.deepEqual(fields.slice(0, -1), [
    ["X-Amz-Date", "20150830T123600Z"],
    ["X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"],
    ["X-Amz-Security-Token", "session"],
  ]);
  assert.match(
    authorizationOf(fields),
    /SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, /,
  );
});

/** Signed at the same time by botocore 1.43.11, which signs for the AWS command line. */
Deno.test.each([
  {
    name: "a path of one encoding, which services take twice",
    service: "execute-api",
    request: { target: "/a%20b/c%2Bd/e" },
    token: null,
    want: "093b2013f0b18f88bf4c6bf9f290ef185a197ff8854de2c707eae464daaccbed",
  },
  {
    name: "a body, its type, and temporary keys",
    service: "bedrock",
    request: {
      method: "POST",
      target: "/model/anthropic.claude%3A0/invoke",
      fields: [["Content-Type", "application/json"]] as const,
      payload: sha256('{"a":1}'),
    },
    token: "session",
    want: "ea9e5a3b4db0c4b093c81451ea9c2f2b9e1ed01c19a2063ddf3847bdc8ab8ae5",
  },
  {
    name: "an object with signs in its name",
    service: "s3",
    request: {
      method: "PUT",
      target: "/dir/a%20b%28c%29.txt?x-id=PutObject&a=b%20c",
      payload: sha256("hello"),
    },
    token: null,
    want: "53289dbe47778912d771642a01225aa0ac42af0dc978ce0013e3c27834a9755b",
  },
])("signAws() signs $name", ({ service, request, token, want }) => {
  const keys = { ...KEYS, sessionToken: token };
  const fields = signAws({ ...REQUEST, ...request }, keys, { ...SCOPE, service });
  assert.equal(authorizationOf(fields).split("Signature=")[1], want);
});

/** What curl signs (it encodes no path, so that has none here), at a time that it chooses, is signed alike here. */
Deno.test.each([
  { name: "a read", service: "execute-api", method: "GET", path: "/a/b?x=1&y=two%20words" },
  { name: "a body", service: "bedrock", method: "POST", path: "/model/m/invoke", body: '{"a":1}' },
])("signAws() signs $name as curl does", async ({ service, method, path, body }) => {
  const sent = await askCurl({ service, method, path, body });
  const date = sent.get("x-amz-date") ?? "";
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date)?.map(Number) ?? [];
  const nowMs = Date.UTC(year!, month! - 1, day, hour, minute, second);
  const authorization = sent.get("authorization") ?? "";
  const named = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(";") ?? [];
  const fields = named.filter((name) => name !== "host" && name !== "x-amz-date")
    .map((name) => [name, sent.get(name) ?? ""] as const);
  const signed = signAws(
    { method, host: sent.get("host") ?? "", target: path, fields, payload: sha256(body ?? "") },
    { accessKeyId: "AKIDCURL", secretAccessKey: "secret/of+curl", sessionToken: null },
    { service, region: "eu-central-1", nowMs },
  );
  assert.equal(authorizationOf(signed), authorization);
});

interface Asked {
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
}

/** Returns the header fields that curl sends. */
async function askCurl(
  { service, method, path, body }: Asked,
): Promise<ReadonlyMap<string, string>> {
  const asked = Promise.withResolvers<ReadonlyMap<string, string>>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    asked.resolve(new Map(request.headers));
    return new Response("");
  });
  try {
    const { success } = await new Deno.Command("curl", {
      args: [
        ...["-sS", "-X", method, "--user", "AKIDCURL:secret/of+curl", "--noproxy", "*"],
        ...["--aws-sigv4", `aws:amz:eu-central-1:${service}`],
        ...body === undefined ? [] : ["-H", "Content-Type: application/json", "-d", body],
        `http://127.0.0.1:${server.addr.port}${path}`,
      ],
    }).output();
    assert.ok(success);
    return await asked.promise;
  } finally {
    await server.shutdown();
  }
}

Deno.test.each([
  { host: "s3.eu-west-3.amazonaws.com", want: "eu-west-3" },
  { host: "bucket.s3-us-west-2.amazonaws.com", want: "us-west-2" },
  { host: "bedrock-runtime.us-gov-west-1.amazonaws.com", want: "us-gov-west-1" },
  { host: "sts.amazonaws.com", want: "us-east-1" },
  { host: "s3.example.com", want: null },
])("regionOf() finds $want in $host", ({ host, want }) => {
  assert.equal(regionOf(host), want);
});
