import assert from "node:assert/strict";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { InferenceRoutes } from "../../proto/gen/openshell/ext/v1/inference_pb.ts";
import { Inference } from "../../proto/gen/openshell/inference/v1/inference_pb.ts";
import { InferenceService } from "../inference/inference_service.ts";
import { SettingsStore } from "../policy/settings.ts";
import { openSqliteStore } from "../store/sqlite_store.ts";
import { inferenceMethods, inferenceRoutesService, toBundle } from "./inference_methods.ts";

async function withMethods(
  body: (
    clients: ReturnType<typeof connect>,
    inference: InferenceService,
    changes: readonly string[],
  ) => Promise<void>,
): Promise<void> {
  const store = openSqliteStore({ path: ":memory:", now: () => 1_000 });
  const credentials = new Map([["OPENAI_API_KEY", "sk-canary"]]);
  const inference = new InferenceService({
    store,
    providers: { resolve: () => Promise.resolve({ type: "openai", config: {}, credentials }) },
    settings: new SettingsStore(store),
    uuid: () => crypto.randomUUID(),
    onProblem: (problem) => assert.fail(String(problem)),
  });
  const changes: string[] = [];
  try {
    await body(connect(inference, changes), inference, changes);
  } finally {
    await store.close();
  }
}

function connect(inference: InferenceService, changes: string[]) {
  const transport = createRouterTransport((router) => {
    router.service(
      Inference,
      inferenceMethods({
        inference,
        workspaceOf: () => Promise.resolve("default"),
        recordChange: (state, message) => Promise.resolve(void changes.push(`${state} ${message}`)),
      }),
    );
    router.service(InferenceRoutes, inferenceRoutesService({ inference }));
  });
  return {
    routes: createClient(Inference, transport),
    lists: createClient(InferenceRoutes, transport),
  };
}

const SET = { providerName: "work", modelId: "gpt-5", noVerify: true, models: ["a"], priority: 2 };

Deno.test("inferenceMethods() set, get, list and delete a route, and tell of changes", () =>
  withMethods(async ({ routes, lists }, _inference, changes) => {
    const set = await routes.setInferenceRoute({ ...SET, timeoutSecs: 90n });
    assert.deepEqual(
      [set.routeName, set.workspace, set.version, set.timeoutSecs, set.validationPerformed],
      ["inference.local", "default", 1n, 90n, false],
    );
    const got = await routes.getInferenceRoute({ workspace: "default" });
    assert.deepEqual([got.modelId, got.models, got.priority], ["gpt-5", ["a"], 2]);
    const { routes: [listed] } = await lists.listInferenceRoutes({});
    assert.equal(listed?.metadata?.name, "inference.local");
    assert.equal(listed?.config?.providerName, "work");
    assert.equal((await routes.deleteInferenceRoute({})).deleted, true);
    assert.equal((await routes.deleteInferenceRoute({})).deleted, false);
    assert.deepEqual(changes, [
      "created inference route inference.local: model gpt-5 by provider work",
      "removed inference route inference.local",
    ]);
  }));

Deno.test("inferenceMethods() gives a bundle to a sandbox alone", () =>
  withMethods(async ({ routes }, inference) => {
    await routes.setInferenceRoute(SET);
    await assert.rejects(
      routes.getInferenceBundle({}),
      (error: unknown) => error instanceof ConnectError && error.code === Code.PermissionDenied,
    );
    const { routes: [route] } = toBundle(await inference.bundle("default", "s"));
    assert.equal(route?.apiKey, "sk-canary");
    assert.equal(route?.baseUrl, "https://api.openai.com/v1");
    for (const answer of [await routes.getInferenceRoute({}), await inference.list("default")]) {
      const text = JSON.stringify(answer, (_key, value) => typeof value === "bigint" ? "" : value);
      assert.equal(text.includes("sk-canary"), false);
    }
  }));

Deno.test("inferenceMethods() refuse a workspace that is not there", () =>
  withMethods(async ({ routes }) => {
    const asked = [
      routes.setInferenceRoute({ ...SET, workspace: "other" }),
      routes.getInferenceRoute({ workspace: "other" }),
      routes.deleteInferenceRoute({ workspace: "other" }),
    ];
    for (const answer of await Promise.allSettled(asked)) assert.equal(answer.status, "rejected");
  }));

Deno.test("toBundle() has what a call to AWS is signed with", async () => {
  const keys = {
    ...{ region: "us-east-1", accessKeyId: "AKID", secretAccessKey: "canary", sessionToken: "" },
  };
  const store = openSqliteStore({ path: ":memory:", now: () => 1_000 });
  const credentials = new Map([["AWS_ACCESS_KEY_ID", "AKID"], ["AWS_SECRET_ACCESS_KEY", "canary"]]);
  const provider = { type: "aws-bedrock", config: { AWS_REGION: "us-east-1" }, credentials };
  const inference = new InferenceService({
    store,
    providers: { resolve: () => Promise.resolve(provider) },
    settings: new SettingsStore(store),
    uuid: () => crypto.randomUUID(),
    onProblem: (problem) => assert.fail(String(problem)),
  });
  const change = { provider: "work", model: "a.b", timeoutSecs: 0, models: [], priority: 0 };
  await inference.set({ ...change, workspace: "default", name: "", verifies: false });
  const { routes: [route] } = toBundle(await inference.bundle("default", "s"));
  assert.deepEqual([route?.modelInPath, route?.apiKey, route?.awsSigning], [true, "", keys]);
  await store.close();
});
