import assert from "node:assert/strict";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type Interceptor,
} from "@connectrpc/connect";
import {
  OpenShell,
  ProviderCredentialRefreshStrategy as Strategy,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { changeOf, openProviderFixture, type ProviderFixture } from "../providers/fixture.ts";
import { parseProfile } from "../providers/profile/parse_profile.ts";
import { profileToWire } from "../providers/profile/profile_wire.ts";
import { answerOf, PROFILE_TEXT } from "../providers/refresh/refresh_fixture.ts";
import { refreshMethods, startRefreshWorker } from "./refresh_methods.ts";
import { toConnectError } from "./to_connect_error.ts";

const SECRET = "the-secret-itself";
const NAME = { provider: "mine", credentialKey: "MAIL_TOKEN" };
const CONFIGURED = {
  ...NAME,
  strategy: Strategy.OAUTH2_REFRESH_TOKEN,
  material: { client_id: "id", refresh_token: SECRET },
};

interface Rpc extends ProviderFixture {
  readonly client: Client<typeof OpenShell>;
  readonly records: string[];
  readonly recordProvider: (state: string, message: string) => Promise<void>;
}

function rpcTest(name: string, body: (rpc: Rpc) => Promise<void>): void {
  Deno.test(`refreshMethods() ${name}`, async () => {
    const fixture = openProviderFixture();
    const records: string[] = [];
    const recordProvider = (state: string, message: string) =>
      Promise.resolve(void records.push(`${state} ${message}`));
    const methods = refreshMethods({
      refresh: fixture.refresh,
      recordProvider,
      whoCalls: () => "me",
    });
    const withCodes: Interceptor = (next) => async (request) => {
      try {
        return await next(request);
      } catch (error) {
        throw toConnectError(error, () => {});
      }
    };
    const transport = createRouterTransport(
      ({ service }) => void service(OpenShell, methods),
      { router: { interceptors: [withCodes] } },
    );
    const { profile } = parseProfile(PROFILE_TEXT);
    const message = profileToWire(profile!, { source: "", scope: "", resourceVersion: 0 });
    try {
      await fixture.profiles.import("default", [{ message, source: "" }]);
      await fixture.providers.create(changeOf("mine", { type: "mail", credentials: {} }));
      const client = createClient(OpenShell, transport);
      await body(Object.assign(fixture, { client, records, recordProvider }));
    } finally {
      await fixture.close();
    }
  });
}

function answering(rpc: Rpc, status = 200): void {
  const fields = status === 200 ? { access_token: SECRET } : { error: "invalid_grant" };
  rpc.send = () => Promise.resolve(answerOf(fields, status));
}

function failed(code: Code, text: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(Code[error.code], Code[code], error.message);
    assert.match(error.rawMessage, text);
    assert.ok(!error.rawMessage.includes(SECRET));
    return true;
  };
}

rpcTest("tells how it fares, and no secret", async (rpc) => {
  const { client, records } = rpc;
  answering(rpc);
  const { status } = await client.configureProviderRefresh(CONFIGURED);
  assert.deepEqual([status?.status, status?.strategy], ["configured", 3]);
  await client.rotateProviderCredential(NAME);
  const { credentials } = await client.getProviderRefreshStatus({ provider: "mine" });
  const [first] = credentials;
  assert.deepEqual(
    [first?.status, first?.credentialKey, first?.providerName, first?.lastError],
    ["refreshed", "MAIL_TOKEN", "mine", ""],
  );
  assert.ok(first!.expiresAtMs > first!.lastRefreshAtMs);
  const shown = JSON.stringify(
    [credentials, records],
    (_key, value) => typeof value === "bigint" ? String(value) : value,
  );
  assert.ok(!shown.includes(SECRET));
  assert.equal((await client.deleteProviderRefresh(NAME)).deleted, true);
  assert.equal((await client.deleteProviderRefresh(NAME)).deleted, false);
  assert.deepEqual(records, [
    "configured provider mine: MAIL_TOKEN to be made anew by oauth2_refresh_token, by me",
    "rotated provider mine: MAIL_TOKEN made anew, by me",
    "removed provider mine: MAIL_TOKEN not to be made anew any more, by me",
  ]);
});

rpcTest("takes the profile's strategy where none is named", async ({ client }) => {
  const { status } = await client.configureProviderRefresh({ ...CONFIGURED, strategy: 0 });
  assert.equal(status?.strategy, Strategy.OAUTH2_REFRESH_TOKEN);
});

rpcTest("says what is wrong by its code", async (rpc) => {
  const { client, records } = rpc;
  const configure = (change: Partial<typeof CONFIGURED> & { workspace?: string }) =>
    client.configureProviderRefresh({ ...CONFIGURED, ...change });
  await assert.rejects(
    configure({ strategy: 9 as Strategy }),
    failed(Code.InvalidArgument, /strategy/),
  );
  await assert.rejects(
    configure({ strategy: Strategy.STATIC }),
    failed(Code.InvalidArgument, /makes no values/),
  );
  await assert.rejects(configure({ workspace: "other" }), failed(Code.NotFound, /workspace/));
  await assert.rejects(
    client.rotateProviderCredential(NAME),
    failed(Code.NotFound, /Cannot find a refresh of "MAIL_TOKEN"/),
  );
  await assert.rejects(
    client.getProviderRefreshStatus({ provider: "nobody" }),
    failed(Code.NotFound, /nobody/),
  );
  await configure({});
  answering(rpc, 400);
  await assert.rejects(
    client.rotateProviderCredential(NAME),
    failed(Code.FailedPrecondition, /refused: invalid_grant/),
  );
  assert.equal(records.length, 1);
});

rpcTest("has a worker that records what it makes, and once what it cannot", async (rpc) => {
  const { client, records, refresh, recordProvider } = rpc;
  answering(rpc);
  const problems: unknown[] = [];
  const worker = startRefreshWorker({
    refresh,
    recordProvider,
    onProblem: (error) => void problems.push(error),
  });
  try {
    await client.configureProviderRefresh(CONFIGURED);
    const deadline = Date.now() + 30_000;
    while (records.length < 2 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    await worker.close();
  }
  assert.deepEqual(records.toSorted(), [
    "configured provider mine: MAIL_TOKEN to be made anew by oauth2_refresh_token, by me",
    "rotated provider mine: MAIL_TOKEN made anew, as due",
  ]);
  assert.deepEqual(problems, []);
});

rpcTest("has a worker that tells a failure once", async (rpc) => {
  const { client, records, refresh, recordProvider } = rpc;
  answering(rpc, 400);
  await client.configureProviderRefresh(CONFIGURED);
  const problems: unknown[] = [];
  const ports = {
    refresh,
    recordProvider,
    onProblem: (error: unknown) => void problems.push(error),
  };
  for (let attempt = 1; attempt <= 2; attempt++) {
    const worker = startRefreshWorker(ports);
    await worker.close();
  }
  assert.deepEqual(records.slice(1), ["failed provider mine: MAIL_TOKEN could not be made anew"]);
  assert.equal(problems.length, 1);
  assert.ok(!String(problems[0]).includes(SECRET));
});
