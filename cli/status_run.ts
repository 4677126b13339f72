/**
 * Runs `openshell status` and `openshell doctor`.
 *
 * @module
 */

import { checkMachine, type DoctorCheck } from "../gateway/client/doctor.ts";
import { logFileOf } from "../gateway/client/local_gateway.ts";
import type { FoundGateway } from "../gateway/client/connect_gateway.ts";
import type { Gateway } from "../gateway/client/types.ts";
import { CodedError } from "../proto/errors.ts";
import type { Invocation } from "./command.ts";
import { EXIT_FAILED, EXIT_OK } from "./exit.ts";
import { gatewayChoice } from "./gateway_access.ts";
import { printResult } from "./output.ts";
import { printableLine } from "./printable.ts";
import type { Style } from "./style.ts";

/** What `status -o json` prints. Members that say nothing are left out. */
interface StatusReport {
  readonly gateway: string;
  readonly server?: string;
  readonly status: "connected" | "disconnected" | "error" | "not_configured";
  readonly authentication: {
    readonly status: "authenticated" | "not_required" | "failed" | "unverified";
    readonly [member: string]: string;
  };
  readonly auth: string;
  readonly version?: string;
  readonly error?: string;
}

/** Says how the gateway is. The local one that does not run is no failure. */
export async function status(invocation: Invocation): Promise<number> {
  const found = await invocation.context.gateways.find(gatewayChoice(invocation));
  const report = await reportOf(found);
  await printResult(invocation, { value: report, text: (style) => statusText(report, style) });
  return report.status === "connected" || report.status === "not_configured"
    ? EXIT_OK
    : EXIT_FAILED;
}

async function reportOf({ target, gateway }: FoundGateway): Promise<StatusReport> {
  if (gateway === null) {
    const error = "it does not run; the next command that needs it starts it";
    const authentication = { status: "unverified" as const, reason: "nothing answered" };
    return { gateway: target.name, status: "not_configured", authentication, auth: "mtls", error };
  }
  const { name, endpoint, auth } = gateway;
  try {
    const { version } = await gateway.health();
    const authentication = await authenticationOf(gateway);
    return {
      gateway: name,
      server: endpoint,
      status: authentication.status === "failed" ? "error" : "connected",
      authentication,
      auth,
      version,
      ...authentication.status === "failed" ? { error: authentication["error"] ?? "" } : {},
    };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const authentication = { status: "unverified" as const, reason: "nothing answered" };
    return {
      gateway: name,
      server: endpoint,
      status: "disconnected",
      authentication,
      auth,
      error: error.message,
    };
  } finally {
    gateway.close();
  }
}

async function authenticationOf(gateway: Gateway): Promise<StatusReport["authentication"]> {
  if (gateway.auth === "plaintext") return { status: "not_required", mode: gateway.auth };
  try {
    const { identityProvider } = await gateway.currentUser();
    return { status: "authenticated", provider: identityProvider };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return error.code === "permission_denied"
      ? { status: "failed", error: error.message }
      : { status: "unverified", reason: error.message };
  }
}

function statusText(report: StatusReport, style: Style): string {
  const { status: state, provider, mode, error, reason } = report.authentication;
  const detail = provider ?? mode ?? error ?? reason ?? "";
  const rows: readonly (readonly [string, string])[] = [
    ["Gateway", report.gateway],
    ...report.server === undefined ? [] : [["Server", report.server] as const],
    ["Status", report.status],
    ["Sign-in", detail === "" ? state : `${state} (${detail})`],
    ...report.version === undefined ? [] : [["Version", report.version] as const],
    ...report.error === undefined ? [] : [["Note", report.error] as const],
  ];
  return rows.map(([label, value]) =>
    `${style.bold(`${label}:`.padEnd(9))} ${printableLine(value)}\n`
  ).join("");
}

/** Looks at this machine and at the gateway. */
export async function doctor(invocation: Invocation): Promise<number> {
  const { command } = invocation.context.machine;
  const checks = [...await machineChecks(command), ...await gatewayChecks(invocation)];
  const ok = checks.every((check) => check.ok || !check.required);
  await printResult(invocation, {
    value: { ok, checks },
    text: (style) => checks.map((check) => checkText(check, style)).join("") + verdict(ok),
  });
  return ok ? EXIT_OK : EXIT_FAILED;
}

async function machineChecks(command: readonly string[]): Promise<readonly DoctorCheck[]> {
  try {
    const checks = await checkMachine(command);
    const missing = checks.filter(({ ok }) => !ok);
    const detail = "this machine has what a sandbox needs";
    return missing.some(({ required }) => required)
      ? checks
      : [...checks, { name: "machine", ok: true, required: true, detail, fix: "" }];
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const { message: detail, hint = "" } = error;
    return [{ name: "machine", ok: false, required: true, detail, fix: hint }];
  }
}

async function gatewayChecks(invocation: Invocation): Promise<readonly DoctorCheck[]> {
  try {
    const found = await invocation.context.gateways.find(gatewayChoice(invocation));
    const report = await reportOf(found);
    const logFile = found.target.kind === "local" ? logFileOf(found.target.stateFolder) : null;
    const ok = report.status === "connected" || report.status === "not_configured";
    return [{
      name: "gateway",
      ok,
      required: true,
      detail: report.error ?? `"${report.gateway}" answers, version ${report.version ?? "unknown"}`,
      fix: ok || logFile === null ? "" : `Read "${logFile}"`,
    }];
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const { message: detail, hint = "" } = error;
    return [{ name: "gateway", ok: false, required: true, detail, fix: hint }];
  }
}

function checkText({ name, ok, required, detail, fix }: DoctorCheck, style: Style): string {
  const mark = ok ? style.green("✓") : required ? style.red("✗") : style.yellow("!");
  const line = `${mark} ${style.bold(printableLine(name))}: ${printableLine(detail)}\n`;
  return fix === "" ? line : `${line}  ${style.cyan("fix:")} ${printableLine(fix)}\n`;
}

function verdict(ok: boolean): string {
  return ok ? "Sandboxes can run here.\n" : "Sandboxes cannot run here until that is mended.\n";
}
