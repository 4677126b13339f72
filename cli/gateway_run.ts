/**
 * The verbs of `openshell gateway`, loaded when one of them runs.
 *
 * @module
 */

import { importBundle, type ImportedBundle } from "../gateway/client/import_bundle.ts";
import {
  activeGateway,
  addRegistration,
  findRegistration,
  isEndpoint,
  listRegistrations,
  LOCAL_GATEWAY,
  type Registration,
  removeRegistration,
  selectGateway,
  unknownGateway,
} from "../gateway/client/registrations.ts";
import { isLoopback, localTarget } from "../gateway/client/resolve_gateway.ts";
import { PROCESS_PORTS, stopLocalGateway } from "../gateway/client/stop_gateway.ts";
import { UnsupportedGatewayError } from "../gateway/client/gateway_error.ts";
import type { Gateway } from "../gateway/client/types.ts";
import { SANDBOX_PAGE_MAX } from "../proto/limits.ts";
import type { Invocation } from "./command.ts";
import { EXIT_OK } from "./exit.ts";
import { withGateway } from "./gateway_access.ts";
import { formatTable, printResult } from "./output.ts";
import { printableLine } from "./printable.ts";
import type { Style } from "./style.ts";
import { UsageError } from "./usage_error.ts";

/** Lists registrations. */
export async function list(invocation: Invocation): Promise<number> {
  const { env } = invocation.context;
  const [all, active] = [await listRegistrations(env), await activeGateway(env)];
  await printResult(invocation, {
    value: all.map((one) => registrationValue(one, active)),
    text: (style) => listText(all, active, style),
  });
  return EXIT_OK;
}

/** Registers a gateway and makes it the active one. */
export async function add(invocation: Invocation): Promise<number> {
  const { env, stderr } = invocation.context;
  const endpoint = invocation.argument("ENDPOINT");
  const name = invocation.text("name") ?? defaultName(endpoint);
  const remoteHost = invocation.text("remote") ?? null;
  const isLocal = invocation.switch("local");
  if (isLocal && remoteHost !== null) {
    throw new UsageError('Cannot use "--local" and "--remote" together');
  }
  if (invocation.text("oidc-issuer") !== undefined) throw new UnsupportedGatewayError(name, "oidc");
  if (endpoint.startsWith("ssh:")) throw new UnsupportedGatewayError(name, "ssh");
  if (!isEndpoint(endpoint)) {
    throw new UsageError(`Cannot add gateway "${endpoint}": it should be https:// and a host`, {
      hint: "Write it as https://gateway.example.com:17670",
    });
  }
  const isPlain = new URL(endpoint).protocol === "http:";
  const isTrusted = isLocal || remoteHost !== null || isLoopback(endpoint);
  if (!isPlain && !isTrusted) throw new UnsupportedGatewayError(name, "browser");
  const bundle: ImportedBundle | null = isPlain ? null : await importBundle(env);
  await addRegistration(env, {
    name,
    endpoint,
    authMode: isPlain ? "plaintext" : "mtls",
    isRemote: remoteHost !== null,
    remoteHost,
    bundle: bundle?.bundle ?? null,
  });
  await selectGateway(env, name);
  if (bundle !== null) stderr.write(`→ Certificates are from "${printableLine(bundle.folder)}"\n`);
  if (isPlain && !isLoopback(endpoint)) {
    stderr.write(
      "! Nothing protects what goes to this gateway: everybody on the way can read it\n",
    );
  }
  stderr.write(`✓ Added gateway "${printableLine(name)}", now the active one\n`);
  return EXIT_OK;
}

/** Forgets a registration. */
export async function remove(invocation: Invocation): Promise<number> {
  const { env, stderr } = invocation.context;
  const name = invocation.arguments("NAME")[0] ?? await activeGateway(env);
  if (name === null) throw new UsageError("Cannot remove a gateway: none is active", HINT_LIST);
  await removeRegistration(env, name);
  stderr.write(`✓ Removed gateway "${printableLine(name)}"; it goes on running\n`);
  return EXIT_OK;
}

/** Makes a registration the active one. */
export async function select(invocation: Invocation): Promise<number> {
  const { env, stdout, stderr } = invocation.context;
  const [name] = invocation.arguments("NAME");
  if (name === undefined) {
    const [all, active] = [await listRegistrations(env), await activeGateway(env)];
    const { styleOf } = await import("./style.ts");
    stdout.write(listText(all, active, styleOf(stdout, invocation.context)));
    stderr.write('→ Run "openshell gateway select NAME" to choose one\n');
    return EXIT_OK;
  }
  if (await findRegistration(env, name) === null && name !== LOCAL_GATEWAY) {
    throw unknownGateway(name);
  }
  await selectGateway(env, name);
  stderr.write(`✓ Gateway "${printableLine(name)}" is the active one\n`);
  const set = env("OPENSHELL_GATEWAY") ?? "";
  if (set !== "" && set !== name) {
    stderr.write(`! OPENSHELL_GATEWAY is set to "${printableLine(set)}" and wins\n`);
  }
  return EXIT_OK;
}

/** Shows what a gateway is. */
export async function info(invocation: Invocation): Promise<number> {
  const [gateway, found] = await withGateway(
    invocation,
    async (gateway) => [gateway, await gateway.info()] as const,
  );
  const { status, version, drivers } = found;
  await printResult(invocation, {
    value: {
      gateway: gateway.name,
      server: gateway.endpoint,
      auth: gateway.auth,
      status,
      version,
      compute_drivers: drivers.map(({ name, driverName, driverVersion }) => ({
        name,
        capabilities: { driver_name: driverName, driver_version: driverVersion },
      })),
    },
    text: (style) =>
      [
        ["Gateway", gateway.name],
        ["Server", gateway.endpoint],
        ["Sign-in", gateway.auth],
        ["Status", status],
        ["Version", version],
        ...drivers.map(({ name, driverVersion }) => ["Driver", `${name} ${driverVersion}`]),
      ].map(([label = "", value = ""]) =>
        `${style.bold(`${label}:`.padEnd(9))} ${printableLine(value)}\n`
      ).join(""),
  });
  return EXIT_OK;
}

/** Stops the gateway of this machine. */
export async function stop(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  const { stderr } = context;
  const { gateway } = await context.gateways.find({ name: LOCAL_GATEWAY, insecure: false });
  if (gateway === null) {
    stderr.write("! The gateway of this machine does not run\n");
    return EXIT_OK;
  }
  let running: number;
  try {
    running = await countRunning(gateway);
  } finally {
    gateway.close();
  }
  const { stateFolder } = localTarget(context.env);
  await stopLocalGateway(stateFolder, gateway.endpoint, PROCESS_PORTS);
  stderr.write("✓ Stopped the gateway of this machine\n");
  if (running > 0) {
    const what = running === 1 ? "1 sandbox goes" : `${running} sandboxes go`;
    stderr.write(`→ ${what} on running; the next command that needs the gateway starts it again\n`);
  }
  return EXIT_OK;
}

const HINT_LIST = { hint: 'Run "openshell gateway list" to see those that are registered' };

async function countRunning(gateway: Gateway): Promise<number> {
  const all = await gateway.listSandboxes({
    workspace: "",
    limit: SANDBOX_PAGE_MAX,
    offset: 0,
    selector: "",
    allWorkspaces: true,
  });
  return all.filter(({ phase }) => phase === "Ready" || phase === "Provisioning").length;
}

function registrationValue(one: Registration, active: string | null) {
  return {
    name: one.name,
    endpoint: one.endpoint,
    type: typeOf(one),
    source: one.source,
    auth: authOf(one),
    active: one.name === active,
    is_remote: one.isRemote,
    remote_host: one.remoteHost,
    resolved_host: one.resolvedHost,
  };
}

function listText(all: readonly Registration[], active: string | null, style: Style): string {
  if (all.length === 0) {
    return "No gateway is registered. Commands use the one of this machine, and start it.\n";
  }
  return formatTable({
    headings: ["", "NAME", "ENDPOINT", "TYPE", "SOURCE", "AUTH", "REMOTE"],
    rows: all.map((one) => [
      one.name === active ? "*" : "",
      one.name,
      one.endpoint,
      typeOf(one),
      one.source,
      authOf(one),
      one.remoteHost ?? "-",
    ]),
  }, style);
}

function typeOf({ authMode, isRemote }: Registration): "cloud" | "remote" | "local" {
  if (authMode === "cloudflare_jwt") return "cloud";
  return isRemote ? "remote" : "local";
}

function authOf({ authMode, endpoint }: Registration): string {
  return authMode ?? (endpoint.startsWith("http:") ? "plaintext" : "mtls");
}

function defaultName(endpoint: string): string {
  if (!URL.canParse(endpoint)) return endpoint;
  return isLoopback(endpoint) ? LOCAL_GATEWAY : new URL(endpoint).hostname;
}
