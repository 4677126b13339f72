import assert from "node:assert/strict";
import type { Backend } from "./backend.ts";
import { backendOf } from "./backend_types.ts";
import { InvalidRouteError } from "./inference_errors.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "AKIDCANARY", AWS_SECRET_ACCESS_KEY: "secret-canary" };

type Texts = Readonly<Record<string, string>>;

function backend(config: Texts, credentials: Texts = KEYS, model = "a.b-v1:0"): Backend {
  const provider = {
    type: "aws-bedrock",
    config,
    credentials: new Map(Object.entries(credentials)),
  };
  return backendOf("cloud", provider, model);
}

Deno.test.each([
  {
    config: { AWS_REGION: "eu-west-1" },
    baseUrl: "https://bedrock-runtime.eu-west-1.amazonaws.com",
    region: "eu-west-1",
  },
  {
    config: { AWS_REGION: "cn-north-1" },
    baseUrl: "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
    region: "cn-north-1",
  },
  {
    config: { BEDROCK_BASE_URL: "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/" },
    baseUrl: "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
    region: "us-gov-west-1",
  },
  {
    config: { BEDROCK_BASE_URL: "http://127.0.0.1:9/x", AWS_REGION: "us-east-1" },
    baseUrl: "http://127.0.0.1:9/x",
    region: "us-east-1",
  },
])("bedrockBackend() signs for $region at $baseUrl", ({ config, baseUrl, region }) => {
  const got = backend(config, { ...KEYS, AWS_SESSION_TOKEN: "token-canary" });
  assert.deepEqual(got, {
    type: "aws-bedrock",
    baseUrl,
    apiKey: "",
    protocols: ["aws_bedrock_invoke"],
    modelInPath: true,
    awsSigning: {
      region,
      accessKeyId: "AKIDCANARY",
      secretAccessKey: "secret-canary",
      sessionToken: "token-canary",
    },
  });
  assert.equal(backend(config).awsSigning?.sessionToken, "");
});

Deno.test("bedrockBackend() leaves the signature to a bridge where it has no keys", () => {
  const { baseUrl, awsSigning, apiKey } = backend({ BEDROCK_BASE_URL: "http://10.0.0.1:8080" }, {});
  assert.deepEqual([baseUrl, awsSigning, apiKey], ["http://10.0.0.1:8080", null, ""]);
});

const EAST = { AWS_REGION: "us-east-1" };
const BRIDGE = { BEDROCK_BASE_URL: "http://127.0.0.1:9" };

Deno.test.each([
  { name: "neither a bridge nor keys", config: EAST, keys: {}, want: /neither/ },
  { name: "no region", config: {}, keys: KEYS, want: /no region/ },
  { name: "no region at a bridge", config: BRIDGE, keys: KEYS, want: /no region/ },
  {
    name: "a host for a region",
    config: { AWS_REGION: "x.example/" },
    keys: KEYS,
    want: /none of/,
  },
  {
    name: "one key alone",
    config: BRIDGE,
    keys: { AWS_ACCESS_KEY_ID: "AKIDCANARY" },
    want: /only a part/,
  },
  {
    name: "a session token alone",
    config: BRIDGE,
    keys: { AWS_SESSION_TOKEN: "token-canary" },
    want: /only a part/,
  },
  {
    name: "a base URL with a query",
    config: { BEDROCK_BASE_URL: "https://a.example/?x" },
    keys: KEYS,
    want: /base URL/,
  },
])("bedrockBackend() refuses $name", ({ config, keys, want }) => {
  assert.throws(() => backend(config, keys), (error: unknown) => {
    assert.ok(error instanceof InvalidRouteError);
    assert.match(error.message, want);
    return !/canary/i.test(error.message + (error.hint ?? ""));
  });
});

Deno.test("bedrockBackend() refuses a model that is no segment of a path", () => {
  assert.throws(() => backend(EAST, KEYS, ".."), InvalidRouteError);
});
