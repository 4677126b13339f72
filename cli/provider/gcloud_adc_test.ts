import assert from "node:assert/strict";
import { fakeGateway, type FakeGatewayOptions } from "../../gateway/client/fake_gateway.ts";
import { sampleRefresh } from "../../gateway/client/fake_refresh.ts";
import { fakeProviders } from "../../gateway/client/fake_providers.ts";
import { GatewayError } from "../../gateway/client/gateway_error.ts";
import type { RefreshInput } from "../../gateway/client/refresh_types.ts";
import type { ErrorCode } from "../../proto/errors.ts";
import { PROGRAM } from "../commands.ts";
import { type FakeContext, fakeContext } from "../fake_context.ts";
import { runProgram } from "../run_program.ts";

const SECRET = "secret-of-the-grant";
const FILE = JSON.stringify({
  type: "authorized_user",
  client_id: "id",
  client_secret: SECRET,
  refresh_token: SECRET,
});

interface Run {
  readonly overrides?: FakeGatewayOptions;
  readonly file?: string;
  /** Called when the gateway is asked to make the first token. */
  readonly onRotate?: (context: FakeContext) => Promise<void>;
}

async function run(line: string, { overrides, file = FILE, onRotate }: Run = {}) {
  const calls: string[] = [];
  const providers = fakeProviders(calls);
  const keys: string[] = [];
  const gateway = fakeGateway({
    ...providers,
    async rotateCredential(name) {
      await onRotate?.(context);
      keys.push(name.credentialKey);
      return await providers.rotateCredential(name);
    },
    getProvider: async (name) => ({ ...await providers.getProvider(name), credentialKeys: keys }),
    ...overrides,
  });
  const context: FakeContext = fakeContext({
    gateway,
    env: { GOOGLE_APPLICATION_CREDENTIALS: "/adc.json" },
    files: { "/adc.json": file },
  });
  const args = `provider create --name cloud --from-gcloud-adc ${line}`.split(" ");
  const code = await runProgram(PROGRAM, args, context);
  return { code, calls, out: context.out(), err: context.err() };
}

const CONFIGURED = "configure cloud GCP_ADC_ACCESS_TOKEN oauth2-refresh-token " +
  "client_id,client_secret!,refresh_token!";

/** What is called where the first token cannot be made. */
const UNDONE = ["provider create cloud gcp ", CONFIGURED, "provider delete cloud"];

Deno.test.each([
  { type: "google-cloud", key: "GCP_ADC_ACCESS_TOKEN" },
  { type: "gcp", key: "GCP_ADC_ACCESS_TOKEN" },
  { type: "google-vertex-ai", key: "GOOGLE_VERTEX_AI_TOKEN" },
  { type: "vertex", key: "GOOGLE_VERTEX_AI_TOKEN" },
])("provider create --from-gcloud-adc of $type makes $key", async ({ type, key }) => {
  const { code, calls, out, err } = await run(`--type ${type} --config project_id=p`);
  assert.equal(code, 0, err);
  assert.deepEqual(calls, [
    `provider create cloud ${type} `,
    CONFIGURED.replace("GCP_ADC_ACCESS_TOKEN", key),
    `rotate cloud ${key}`,
  ]);
  assert.match(out, new RegExp(`Credentials: +${key}\n`));
  assert.match(out, /Config: +project_id\n/);
  assert.match(err, /Created provider cloud, with a token from your grant/);
  assert.ok(!`${out}${err}`.includes(SECRET));
});

Deno.test("provider create --from-gcloud-adc gives the gateway the whole grant", async () => {
  const given: RefreshInput[] = [];
  const configureRefresh = (input: RefreshInput) => {
    given.push(input);
    return Promise.resolve(sampleRefresh());
  };
  const rotateCredential = () => Promise.resolve(sampleRefresh());
  await run("--type gcp", { overrides: { configureRefresh, rotateCredential } });
  assert.deepEqual(given, [{
    provider: "cloud",
    workspace: "default",
    credentialKey: "GCP_ADC_ACCESS_TOKEN",
    strategy: "oauth2-refresh-token",
    material: { client_id: "id", client_secret: SECRET, refresh_token: SECRET },
    secretMaterialKeys: ["client_secret", "refresh_token"],
    expiresAtMs: 0,
  }]);
});

Deno.test.each([
  { line: "--type github", says: /with type "github"[^]*google-cloud and google-vertex-ai/ },
  { line: "--type constructor", says: /with type "constructor"/ },
  { line: "--type gcp --credential K=v", says: /give one of/ },
  { line: "--type gcp --from-existing", says: /give one of/ },
  { line: "--type gcp --runtime-credentials", says: /give one of/ },
  { line: "--type gcp", file: "{}", says: /it has no type/ },
])("provider create --from-gcloud-adc $line $file calls nobody", async ({ line, file, says }) => {
  const { code, calls, err } = await run(line, file === undefined ? {} : { file });
  assert.equal(code, 2);
  assert.match(err, says);
  assert.deepEqual(calls, []);
});

const HINT = "See: openshell provider refresh status cloud";
const refused = (code: ErrorCode = "failed_precondition") =>
  Promise.reject(new GatewayError(code, "Cannot make a new value: it said so", { hint: HINT }));

Deno.test.each<{ code: ErrorCode; says: RegExp }>([
  { code: "failed_precondition", says: /it said so[^]*gcloud auth application-default login/ },
  { code: "unavailable", says: /it said so[^]*has to reach oauth2\.googleapis\.com/ },
])("provider create --from-gcloud-adc removes what gets no token: $code", async (wanted) => {
  const { code, calls, out, err } = await run("--type gcp", {
    onRotate: () => refused(wanted.code),
  });
  assert.equal(code, 1);
  assert.deepEqual(calls, UNDONE);
  assert.match(err, wanted.says);
  assert.ok(!err.includes("refresh status"), "what is not there has no status");
  assert.equal(out, "");
});

Deno.test("provider create --from-gcloud-adc removes what cannot be configured", async () => {
  const failure = new GatewayError("failed_precondition", "Cannot configure", { hint: "Do this" });
  const overrides = { configureRefresh: () => Promise.reject(failure) };
  const { code, calls, err } = await run("--type gcp", { overrides });
  assert.deepEqual([code, calls], [1, ["provider create cloud gcp ", "provider delete cloud"]]);
  assert.match(err, /Cannot configure[^]*Do this/);
});

Deno.test("provider create --from-gcloud-adc does not take the gateway's word for it", async () => {
  const overrides = { rotateCredential: () => Promise.resolve(sampleRefresh()) };
  const { code, calls, err } = await run("--type gcp", { overrides });
  assert.equal(code, 1);
  assert.match(err, /the gateway has made no GCP_ADC_ACCESS_TOKEN/);
  assert.deepEqual(calls, UNDONE);
});

Deno.test("provider create --from-gcloud-adc says what it could not remove", async () => {
  const overrides = {
    deleteProvider: () => Promise.reject(new GatewayError("unavailable", "Cannot delete: gone")),
  };
  const { code, err } = await run("--type gcp", { onRotate: () => refused(), overrides });
  assert.equal(code, 1);
  assert.match(err, /cloud is left, without a token: Cannot delete: gone/);
  assert.match(err, /Run: openshell provider delete cloud[^]*it said so/);
});

Deno.test("provider create --from-gcloud-adc removes nothing that was there before", async () => {
  const createProvider = () => Promise.reject(new GatewayError("already_exists", "It exists"));
  const { code, calls } = await run("--type gcp", { overrides: { createProvider } });
  assert.deepEqual([code, calls], [1, []]);
});

Deno.test("provider create --from-gcloud-adc that is interrupted leaves nothing", async () => {
  const { code, calls } = await run("--type gcp", {
    onRotate: async (context) => {
      context.signal("SIGINT");
      // The gateway does not answer before the command has ended.
      await new Promise(() => {});
    },
  });
  assert.deepEqual([code, calls], [130, UNDONE]);
});
