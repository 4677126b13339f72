import assert from "node:assert/strict";
import { SettingsStore } from "../policy/settings.ts";
import { openSqliteStore } from "../store/sqlite_store.ts";
import type { InferenceProvider } from "./backend.ts";
import {
  InvalidRouteError,
  RouteNotFoundError,
  RouteNotVerifiedError,
} from "./inference_errors.ts";
import { InferenceService, type RouteChange } from "./inference_service.ts";
import type { ProbeAnswer, ProbeRequest } from "./probe_backend.ts";

const KEY = "sk-canary";

const CHANGE: RouteChange = {
  workspace: "default",
  name: "",
  provider: "work",
  model: "gpt-5",
  timeoutSecs: 0,
  models: [],
  priority: 0,
  verifies: false,
};

interface Scene {
  readonly inference: InferenceService;
  readonly settings: SettingsStore;
  readonly providers: Map<string, InferenceProvider>;
  readonly probes: ProbeRequest[];
  readonly problems: unknown[];
}

async function withService(
  body: (scene: Scene) => Promise<void>,
  answers: readonly (ProbeAnswer | Error)[] = [],
): Promise<void> {
  const store = openSqliteStore({ path: ":memory:", now: () => 0 });
  const settings = new SettingsStore(store);
  const providers = new Map<string, InferenceProvider>([
    ["work", { type: "openai", config: {}, credentials: new Map([["OPENAI_API_KEY", KEY]]) }],
    ["claude", {
      type: "anthropic",
      config: {},
      credentials: new Map([["ANTHROPIC_API_KEY", KEY]]),
    }],
  ]);
  const [probes, problems, left] = [[] as ProbeRequest[], [] as unknown[], [...answers]];
  const inference = new InferenceService({
    store,
    settings,
    providers: {
      resolve(_workspace, name) {
        const found = providers.get(name);
        return found === undefined
          ? Promise.reject(new RouteNotFoundError(name))
          : Promise.resolve(found);
      },
    },
    uuid: () => crypto.randomUUID(),
    onProblem: (problem) => void problems.push(problem),
    probe: {
      send(request) {
        probes.push(request);
        const answer = left.shift() ?? { status: 200, body: "{}" };
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    },
  });
  try {
    await body({ inference, settings, providers, probes, problems });
  } finally {
    await store.close();
  }
}

Deno.test("InferenceService counts the versions of a route, and gives its name where none is", () =>
  withService(async ({ inference, probes }) => {
    assert.equal((await inference.set(CHANGE)).route.version, 1);
    const { route } = await inference.set({ ...CHANGE, model: "gpt-6" });
    assert.deepEqual([route.name, route.version, route.model], ["inference.local", 2, "gpt-6"]);
    assert.equal((await inference.get("default", "")).model, "gpt-6");
    assert.equal(probes.length, 0);
    assert.equal(await inference.delete("default", ""), true);
    assert.equal(await inference.delete("default", ""), false);
    await assert.rejects(inference.get("default", ""), RouteNotFoundError);
  }));

Deno.test("InferenceService keeps workspaces apart", () =>
  withService(async ({ inference }) => {
    await inference.set(CHANGE);
    assert.deepEqual(await inference.list("other"), []);
    assert.equal(await inference.delete("other", ""), false);
    assert.deepEqual((await inference.bundle("other", "s")).routes, []);
  }));

Deno.test.each([
  { name: "a name with a space", change: { name: "a b" } },
  { name: "no model", change: { model: "" } },
  { name: "a model with a line end", change: { model: "a\nb" } },
  { name: "a model that is too long", change: { model: "a".repeat(257) } },
  { name: "a time limit that is too long", change: { timeoutSecs: 3_601 } },
  { name: "too many models", change: { models: Array(65).fill("a") } },
  { name: "no provider", change: { provider: "" } },
])("InferenceService refuses $name", ({ change }) =>
  withService(async ({ inference }) => {
    await assert.rejects(inference.set({ ...CHANGE, ...change }), InvalidRouteError);
    assert.deepEqual(await inference.list("default"), []);
  }));

Deno.test.each([
  { name: "a type that serves no models", provider: { type: "github" } },
  { name: "no address", provider: { type: "generic" } },
  { name: "another scheme", config: { OPENAI_BASE_URL: "file:///etc/passwd" } },
  { name: "a user in its address", config: { OPENAI_BASE_URL: "https://u:p@a.example" } },
  { name: "a query in its address", config: { OPENAI_BASE_URL: "https://a.example?key=x" } },
])(
  "InferenceService refuses a provider with $name",
  ({ provider = {}, config = {} }) =>
    withService(async ({ inference, providers }) => {
      const bad = { type: "openai", config, credentials: new Map(), ...provider };
      providers.set("bad", bad);
      await assert.rejects(inference.set({ ...CHANGE, provider: "bad" }), InvalidRouteError);
    }),
);

Deno.test("InferenceService asks the server for a token before it sets a route", () =>
  withService(async ({ inference, probes }) => {
    const { endpoint } = await inference.set({ ...CHANGE, verifies: true });
    const url = "https://api.openai.com/v1/chat/completions";
    assert.deepEqual(endpoint, { url, protocol: "openai_chat_completions" });
    assert.equal(probes[0]?.headers["authorization"], `Bearer ${KEY}`);
    const claude = await inference.set({ ...CHANGE, provider: "claude", verifies: true });
    assert.equal(claude.endpoint?.url, "https://api.anthropic.com/v1/messages");
    assert.equal(probes[1]?.headers["x-api-key"], KEY);
    assert.equal(probes[1]?.headers["anthropic-version"], "2023-06-01");
  }));

const answer = (status: number, body = "") => ({ status, body });

Deno.test.each([
  { name: "401", answers: [answer(401)], want: "credential", probes: 1 },
  { name: "403", answers: [answer(403)], want: "credential", probes: 1 },
  {
    name: "400 about the key",
    answers: [answer(400, "Invalid API key")],
    want: "credential",
    probes: 1,
  },
  { name: "404 to all", answers: Array(5).fill(answer(404)), want: "no_protocol", probes: 5 },
  { name: "429", answers: [answer(429)], want: "rate_limited", probes: 1 },
  { name: "500", answers: [answer(500)], want: "server_error", probes: 1 },
  { name: "a redirection", answers: Array(5).fill(answer(302)), want: "no_protocol", probes: 5 },
  { name: "no connection", answers: [new Error("refused")], want: "unreachable", probes: 1 },
])(
  "InferenceService sets no route where a server answers $name",
  ({ answers, want, probes }) =>
    withService(async (scene) => {
      let told = 0;
      scene.inference.subscribe(() => told += 1);
      await assert.rejects(scene.inference.set({ ...CHANGE, verifies: true }), (error: unknown) =>
        error instanceof RouteNotVerifiedError && error.problem === want &&
        /--no-verify/.test(error.hint ?? "") && !error.message.includes(KEY));
      assert.equal(scene.probes.length, probes);
      assert.deepEqual(await scene.inference.list("default"), []);
      assert.equal(told, 0);
    }, answers),
);

Deno.test("InferenceService goes on to the next way to ask", () =>
  withService(async ({ inference, probes }) => {
    const { endpoint } = await inference.set({ ...CHANGE, verifies: true });
    assert.equal(endpoint?.protocol, "openai_responses");
    const bodies = probes.map(({ body }) => Object.keys(JSON.parse(body)).at(-1));
    assert.deepEqual(bodies, ["max_completion_tokens", "max_tokens", "max_output_tokens"]);
  }, [answer(400), answer(404)]));

Deno.test("InferenceService.bundle() has keys of now, and another revision with each change", () =>
  withService(async ({ inference, providers, settings }) => {
    const seen = new Set<string>();
    const look = async () => {
      const bundle = await inference.bundle("default", "s");
      seen.add(bundle.revision);
      return bundle;
    };
    await look();
    await inference.set({ ...CHANGE, name: "spare", priority: 9 });
    await inference.set(CHANGE);
    const { routes, tokenBudget } = await look();
    assert.deepEqual(routes.map(({ route, apiKey }) => [route.name, apiKey]), [
      ["inference.local", KEY],
      ["spare", KEY],
    ]);
    assert.equal(tokenBudget, 0n);
    providers.set("work", {
      type: "openai",
      config: {},
      credentials: new Map([["OPENAI_API_KEY", "new"]]),
    });
    assert.equal((await look()).routes[0]?.apiKey, "new");
    await settings.set({ sandboxId: "s" }, "inference_token_budget", "5000");
    assert.equal((await look()).tokenBudget, 5000n);
    assert.equal((await inference.bundle("default", "t")).tokenBudget, 0n);
    assert.equal(seen.size, 4);
    await look();
    assert.equal(seen.size, 4);
    for (const revision of seen) assert.equal(revision.includes(KEY), false);
  }));

Deno.test("InferenceService.bundle() leaves out a route whose provider is gone", () =>
  withService(async ({ inference, providers, problems }) => {
    await inference.set(CHANGE);
    await inference.set({ ...CHANGE, name: "claude", provider: "claude" });
    providers.delete("work");
    const { routes } = await inference.bundle("default", "s");
    assert.deepEqual(routes.map(({ route }) => route.name), ["claude"]);
    assert.equal(problems.length, 1);
    assert.deepEqual(await inference.routesOf("default", "claude"), ["claude"]);
  }));

Deno.test("InferenceService tells of each change until it is not asked to", () =>
  withService(async ({ inference }) => {
    let told = 0;
    const stop = inference.subscribe(() => told += 1);
    await inference.set(CHANGE);
    await inference.delete("default", "");
    inference.notify();
    assert.equal(told, 3);
    stop();
    inference.notify();
    assert.equal(told, 3);
  }));

Deno.test("InferenceService keeps no more routes than it may", () =>
  withService(async ({ inference }) => {
    for (let i = 0; i < 64; i += 1) await inference.set({ ...CHANGE, name: `r${i}` });
    await assert.rejects(inference.set({ ...CHANGE, name: "one-more" }), InvalidRouteError);
    assert.equal((await inference.set({ ...CHANGE, name: "r0" })).route.version, 2);
  }));
