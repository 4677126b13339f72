/**
 * `openshell sandbox create`.
 *
 * @module
 */

import type { Gateway, SandboxView } from "../../gateway/client/types.ts";
import { GatewayError } from "../../gateway/client/gateway_error.ts";
import type { Invocation } from "../command.ts";
import { EXIT_FAILED, EXIT_OK } from "../exit.ts";
import type { OutputFormat } from "../flags.ts";
import { gatewayChoice, withGateway } from "../gateway_access.ts";
import { forgetSandbox, rememberSandbox } from "../last_sandbox.ts";
import { formatResult, formatTable } from "../output.ts";
import { printableLine } from "../printable.ts";
import { withInterrupt } from "../session/with_interrupt.ts";
import { styleOf } from "../style.ts";
import { UsageError } from "../usage_error.ts";
import { attachSession, sessionCode } from "./attach_session.ts";
import { type CreatePlan, planCreate } from "./create_plan.ts";
import { findSecretNames } from "./parse_values.ts";
import { Progress } from "./progress.ts";
import { formatTime, sandboxValue } from "./sandbox_result.ts";
import { timeoutOf, waitForPhase } from "./wait_for_phase.ts";

/** Creates a sandbox, waits for it, and attaches to it where that is wanted. */
export async function create(invocation: Invocation): Promise<number> {
  const plan = planCreate(invocation);
  const { context } = invocation;
  const timeoutMs = timeoutOf(context, "OPENSHELL_PROVISION_TIMEOUT");
  for (const { local } of plan.uploads) {
    const { checkSource } = await loadUpload();
    await checkSource(context, local);
  }
  for (const { source } of plan.binds) await checkBindSource(invocation, source);
  if (plan.forward !== null) (await loadForward()).checkPortIsFree(plan.forward);
  const policy = await readPolicyText(invocation);
  warnAboutSecrets(invocation, plan);
  return await withGateway(invocation, async (gateway) => {
    const providers = await resolveProviders(invocation, gateway, plan);
    const made: Made = { sandbox: null, isReady: false };
    let code: number;
    try {
      code = await withInterrupt(
        context,
        (signal) => make(invocation, gateway, { plan, providers, policy, timeoutMs, made, signal }),
      );
    } catch (error) {
      if (made.sandbox !== null && !plan.isKept) await gateway.deleteSandbox(made.sandbox);
      throw error;
    }
    const { sandbox, isReady } = made;
    if (sandbox === null) return code;
    if (isReady) return await finish(invocation, gateway, { plan, sandbox });
    await gateway.deleteSandbox(sandbox);
    await forgetSandbox(context, gateway.name, sandbox);
    context.stderr.write(`! Interrupted: deleted sandbox "${printableLine(sandbox.name)}"\n`);
    return code;
  });
}

/** How far it has come. Whoever ends it early has to know. */
interface Made {
  sandbox: SandboxView | null;
  isReady: boolean;
}

async function make(
  invocation: Invocation,
  gateway: Gateway,
  { plan, providers, policy, timeoutMs, made, signal }: {
    readonly plan: CreatePlan;
    readonly providers: readonly string[];
    readonly policy: string | null;
    readonly timeoutMs: number;
    readonly made: Made;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  const { context } = invocation;
  const progress = new Progress(context, { isQuiet: invocation.text("output") !== undefined });
  try {
    progress.begin("Requesting sandbox");
    const sandbox = await request(gateway, { ...plan, providers }, policy);
    made.sandbox = sandbox;
    if (plan.isKept) await rememberSandbox(context, gateway.name, sandbox);
    progress.begin(`Starting sandbox ${sandbox.name}`);
    const reopen = async () => (await context.gateways.open(gatewayChoice(invocation))).close();
    const options = { phase: "Ready" as const, timeoutMs, progress, signal, reopen };
    made.sandbox = await waitForPhase(context, gateway, sandbox, options);
    progress.complete();
    await prepare(invocation, gateway, { plan, sandbox: made.sandbox, progress, signal });
    made.isReady = !signal.aborted;
  } finally {
    progress.stop();
  }
  return EXIT_OK;
}

async function request(
  gateway: Gateway,
  plan: CreatePlan,
  policy: string | null,
): Promise<SandboxView> {
  const { name, workspace, labels, environment, command, tty, isKept } = plan;
  const { resources, driverConfig, providers } = plan;
  try {
    return await gateway.createSandbox({
      name,
      workspace,
      labels,
      environment,
      command,
      tty,
      isKept,
      policy,
      resources,
      driverConfig,
      providers,
    });
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== "already_exists") throw error;
    throw new GatewayError("already_exists", error.message, {
      cause: error,
      hint: `Choose another --name, or run "openshell sandbox connect ${name}", or delete it`,
    });
  }
}

interface Prepared {
  readonly plan: CreatePlan;
  readonly sandbox: SandboxView;
}

async function prepare(
  invocation: Invocation,
  gateway: Gateway,
  { plan, sandbox, progress, signal }: Prepared & {
    readonly progress: Progress;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { context } = invocation;
  const all = invocation.switch("no-git-ignore");
  for (const { local, remote } of plan.uploads) {
    const { sendFiles } = await loadUpload();
    progress.begin(`Uploading ${local}`);
    await sendFiles(context, gateway, { sandboxId: sandbox.id, local, remote, all, signal });
    progress.complete();
  }
  if (plan.forward === null) return;
  progress.begin(`Forwarding port ${plan.forward.port}`);
  const { startBackgroundForward } = await loadForward();
  await startBackgroundForward(invocation, { address: plan.forward, sandbox });
  progress.complete();
}

async function finish(
  invocation: Invocation,
  gateway: Gateway,
  { plan, sandbox }: Prepared,
): Promise<number> {
  const { context } = invocation;
  const name = printableLine(sandbox.name);
  const output = invocation.text("output");
  if (output !== undefined) {
    await printSandbox(invocation, sandbox, output as OutputFormat);
    return EXIT_OK;
  }
  if (!plan.isAttached) {
    context.stdout.write(`${name}\n`);
    if (sandbox.exitCode !== null) return told(invocation, sandbox);
    context.stderr.write(`→ Run "openshell sandbox connect ${name}" to attach to it\n`);
    return EXIT_OK;
  }
  try {
    return sessionCode(await attachSession(context, gateway, { sandbox, readOnly: false }));
  } finally {
    if (!plan.isKept) await gateway.deleteSandbox(sandbox);
  }
}

function told({ context }: Invocation, { name, exitCode }: SandboxView): number {
  context.stderr.write(
    `! The main process of "${printableLine(name)}" has ended with ${exitCode}\n`,
  );
  return exitCode === 0 ? EXIT_OK : EXIT_FAILED;
}

async function printSandbox(
  { context }: Invocation,
  sandbox: SandboxView,
  format: OutputFormat,
): Promise<void> {
  const { stdout } = context;
  const { name, createdAtMs, phase } = sandbox;
  const table = {
    headings: ["NAME", "CREATED", "PHASE"],
    rows: [[name, formatTime(createdAtMs), phase]],
  };
  const result = {
    value: sandboxValue(sandbox),
    text: () => formatTable(table, styleOf(stdout, context)),
  };
  stdout.write(await formatResult(result, format, styleOf(stdout, context)));
}

// What not every sandbox needs is loaded late: loading takes longer than creating one.

function loadUpload(): Promise<typeof import("../transfer/upload.ts")> {
  return import("../transfer/upload.ts");
}

function loadForward(): Promise<typeof import("../forward/background.ts")> {
  return import("../forward/background.ts");
}

/** Those that were named, and what the program is known to need. */
async function resolveProviders(
  invocation: Invocation,
  gateway: Gateway,
  plan: CreatePlan,
): Promise<readonly string[]> {
  if (plan.providers.length === 0 && plan.command.length === 0) return [];
  const { chooseProviders } = await import("./choose_providers.ts");
  return await chooseProviders(invocation, gateway, plan);
}

/** The file is checked here first, where its lines can be shown. */
async function readPolicyText(invocation: Invocation): Promise<string | null> {
  const given = invocation.text("policy") ?? invocation.context.env("OPENSHELL_SANDBOX_POLICY");
  if (given === undefined || given === "") return null;
  const { readPolicy } = await import("../policy_input.ts");
  return (await readPolicy(invocation, given)).source.text;
}

async function checkBindSource({ context }: Invocation, source: string): Promise<void> {
  if (await context.files.kindOf(source) === "directory") return;
  throw new UsageError(`Cannot bind "${source}": it should be a folder that exists`);
}

function warnAboutSecrets(invocation: Invocation, { environment }: CreatePlan): void {
  if (invocation.switch("no-credential-warnings")) return;
  const names = findSecretNames(Object.keys(environment));
  if (names.length === 0) return;
  invocation.context.stderr.write(
    `! ${names.join(", ")} looks like a secret: every program in the sandbox can read it\n`,
  );
}
