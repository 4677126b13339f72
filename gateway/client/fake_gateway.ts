/**
 * A gateway in memory, for tests of commands.
 *
 * @module
 */

import { fakeInference } from "./fake_inference.ts";
import { GatewayError } from "./gateway_error.ts";
import { fakeProviders } from "./fake_providers.ts";
import type {
  Gateway,
  NewSandbox,
  Phase,
  PolicyScope,
  ProcessInput,
  ProcessOutput,
  SandboxView,
  SettingCalls,
} from "./types.ts";

/** What the fake does where a test wants something else. */
export interface FakeGatewayOptions extends Partial<Gateway> {
  readonly sandboxes?: readonly SandboxView[];
  /** Phase of a sandbox right after it is created, `Ready` where left out. */
  readonly createdPhase?: Phase;
  /** What every program prints, before it ends with `exitCode`. */
  readonly output?: string;
  readonly exitCode?: number;
}

/** A gateway together with what was asked of it. */
export interface FakeGateway extends Gateway {
  readonly created: readonly NewSandbox[];
  /** Calls and what they were about, in order. */
  readonly log: readonly string[];
  /** Inputs of programs and of the main process. */
  readonly inputs: readonly ProcessInput[];
}

/** Returns a sandbox with every field, changed where asked. */
export function sampleSandbox(change: Partial<SandboxView> = {}): SandboxView {
  return {
    id: "11111111-2222-4333-8444-555555555555",
    name: "demo",
    workspace: "default",
    labels: {},
    annotations: {},
    resourceVersion: 3,
    createdAtMs: Date.UTC(2026, 10, 24, 9, 30, 5),
    phase: "Ready",
    policyVersion: 1,
    exitCode: null,
    conditions: [],
    command: [],
    tty: false,
    ...change,
  };
}

/** Returns a gateway in memory. */
export function fakeGateway(options: FakeGatewayOptions = {}): FakeGateway {
  const { sandboxes, createdPhase, output = "", exitCode = 0, ...overrides } = options;
  const all = new Map((sandboxes ?? []).map((sandbox) => [sandbox.name, sandbox]));
  const created: NewSandbox[] = [];
  const log: string[] = [];
  const inputs: ProcessInput[] = [];
  const get = (name: string): Promise<SandboxView> => {
    const found = all.get(name);
    return found === undefined
      ? Promise.reject(new GatewayError("not_found", `Cannot find sandbox "${name}"`))
      : Promise.resolve(found);
  };
  const move = async (verb: string, name: string, phase: Phase): Promise<SandboxView> => {
    log.push(`${verb} ${name}`);
    const moved: SandboxView = { ...await get(name), phase };
    all.set(name, moved);
    return moved;
  };
  const run = (sent: AsyncIterable<ProcessInput>) => runProgram(sent, inputs, { output, exitCode });
  return {
    created,
    log,
    inputs,
    name: "openshell",
    endpoint: "https://127.0.0.1:17670",
    auth: "mtls",
    inference: fakeInference(log),
    ...ABOUT,
    createSandbox(sandbox) {
      created.push(sandbox);
      const view = viewOf(sandbox, createdPhase ?? "Ready");
      log.push(`create ${view.name}`);
      all.set(view.name, view);
      return Promise.resolve(view);
    },
    getSandbox: ({ name }) => get(name),
    listSandboxes: ({ limit, offset }) =>
      Promise.resolve([...all.values()].slice(offset, offset + limit)),
    deleteSandbox({ name }) {
      log.push(`delete ${name}`);
      return Promise.resolve(all.delete(name));
    },
    stopSandbox: ({ name }) => move("stop", name, "Stopped"),
    startSandbox: ({ name }) => move("start", name, "Ready"),
    async *watchSandbox(id) {
      for (const sandbox of all.values()) {
        await Promise.resolve();
        if (sandbox.id === id) yield { kind: "sandbox", sandbox };
      }
    },
    ...SILENT_LOGS,
    exec(request, duplex) {
      log.push(`exec ${request.command.join(" ")}`);
      return run(duplex.inputs);
    },
    attach(request, duplex) {
      log.push(`attach ${request.sandboxId}`);
      return run(duplex.inputs);
    },
    forward: (_target, { inputs }) => inputs,
    ...policyCalls(log),
    ...fakeProviders(log),
    ...fakeSettings(log),
    close: () => void log.push("close"),
    ...overrides,
  };
}

const ABOUT: Pick<Gateway, "health" | "info" | "currentUser"> = {
  health: () => Promise.resolve({ status: "healthy", version: "1.2.3" }),
  info: () =>
    Promise.resolve({
      status: "healthy",
      version: "1.2.3",
      drivers: [{ name: "embedded", driverName: "embedded", driverVersion: "1.2.3" }],
    }),
  currentUser: () => Promise.resolve({ subject: "me", identityProvider: "mtls" }),
};

const SILENT_LOGS: Pick<Gateway, "getLogs" | "followLogs" | "readEvents" | "verifyEvents"> = {
  getLogs: () => Promise.resolve([]),
  async *followLogs() {},
  async *readEvents() {},
  verifyEvents: () => Promise.resolve([]),
};

function fakeSettings(log: string[]): SettingCalls {
  const shown = (scope: PolicyScope) => scope.kind === "global" ? "--global" : scope.name;
  return {
    getSettings: () => Promise.resolve([{ key: "k", value: true, scope: "sandbox" }]),
    setSetting(scope, key, value) {
      log.push(`set ${shown(scope)} ${key}=${value}`);
      return Promise.resolve();
    },
    deleteSetting(scope, key) {
      log.push(`unset ${shown(scope)} ${key}`);
      return Promise.resolve(true);
    },
  };
}

type PolicyCalls =
  | "setPolicy"
  | "deleteGlobalPolicy"
  | "getPolicy"
  | "listPolicies"
  | "getEffectivePolicy";

function policyCalls(log: string[]): Pick<Gateway, PolicyCalls> {
  return {
    setPolicy(scope, _policy, isForced = false) {
      const forced = isForced ? " --force" : "";
      log.push(`policy ${scope.kind === "global" ? "--global" : scope.name}${forced}`);
      return Promise.resolve({ version: 2, hash: "sha256:ab" });
    },
    deleteGlobalPolicy: () => Promise.resolve(true),
    getPolicy: (_scope, version) =>
      Promise.resolve({
        version: version === 0 ? 2 : version,
        hash: "sha256:ab",
        status: "loaded",
        loadError: "",
        createdAtMs: Date.UTC(2026, 10, 24, 9, 30, 5),
        loadedAtMs: Date.UTC(2026, 10, 24, 9, 30, 6),
        provenance: {},
        policy: { version: 1 },
        activeVersion: 2,
      }),
    listPolicies: () => Promise.resolve([]),
    getEffectivePolicy: () =>
      Promise.resolve({
        version: 2,
        hash: "sha256:ab",
        configRevision: "7",
        source: "sandbox",
        globalVersion: 0,
        policy: { version: 1 },
      }),
  };
}

function viewOf({ name, workspace, labels, command, tty }: NewSandbox, phase: Phase): SandboxView {
  const chosen = name === "" ? "brave-otter" : name;
  return sampleSandbox({ name: chosen, workspace, labels, command, tty, phase });
}

/** Reads its input to the end, prints, and ends. */
async function* runProgram(
  sent: AsyncIterable<ProcessInput>,
  inputs: ProcessInput[],
  { output, exitCode }: { readonly output: string; readonly exitCode: number },
): AsyncGenerator<ProcessOutput> {
  for await (const input of sent) {
    inputs.push(input);
    if (input.kind === "end") break;
  }
  if (output !== "") yield { kind: "stdout", bytes: new TextEncoder().encode(output) };
  yield { kind: "exit", code: exitCode };
}
