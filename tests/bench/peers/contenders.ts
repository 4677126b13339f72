/**
 * Who is measured, each as the command that runs another in a sandbox of its own kind.
 *
 * All run on the same private machine, with the same folder of their own to write to, and the
 * system read-only. What a peer cannot do is not made up for.
 *
 * @module
 */

import { policy, rest } from "../../e2e/support/policies.ts";
import { hasTool } from "../../e2e/support/requirements.ts";
import type { World } from "../../e2e/support/world.ts";
import { BUBBLEWRAP } from "../sandbox/starts.ts";
import { HOST, INSTALL_HINT } from "../sandbox/peers.ts";
import { installRuntime, whyNoRuntime, writeSettings } from "./sandbox_runtime.ts";

/** Name of the sandbox of ours that stays, for what is not about starting one. */
export const SANDBOX = "peers";

export interface Contender {
  readonly name: string;
  /** Its own folder, as the machine sees it. */
  readonly folder: string;
  /** Returns the command that runs another with that folder as the current one. */
  readonly command: (command: readonly string[]) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether the network is reached through a proxy that decides. */
  readonly hasProxy: boolean;
}

/** Those who can run here, and why the others cannot. */
export interface Field {
  readonly host: Contender;
  readonly bubblewrap: Contender | null;
  readonly runtime: Contender | null;
  /** The same, reading requests within TLS, as ours does. */
  readonly runtimeInspecting: Contender | null;
  readonly openshell: Contender;
  readonly missing: readonly { readonly contender: string; readonly reason: string }[];
}

/** All that are there, the plain machine first. */
export function contendersOf(field: Field): readonly Contender[] {
  const { host, bubblewrap, runtime, openshell } = field;
  return [host, bubblewrap, runtime, openshell].filter((each) => each !== null);
}

/** Installs what is missing, and makes the sandbox of ours that stays. */
export async function assemble(world: World): Promise<Field> {
  const { machine, authority } = world;
  const base = `${world.folder}/peers`;
  await Deno.mkdir(base, { recursive: true });
  const env = { ...machine.environment, NODE_EXTRA_CA_CERTS: authority.certificateFile };
  const own = async (name: string) => {
    const folder = `${base}/${name}`;
    await Deno.mkdir(folder);
    return folder;
  };
  const withProxy = { env, hasProxy: true };
  const hostFolder = await own("host");
  const host: Contender = {
    name: "host",
    folder: hostFolder,
    command: (command) => machine.enter(["env", "-C", hostFolder, ...command]),
    env,
    hasProxy: false,
  };
  const reason = whyNoRuntime();
  const program = reason === null ? await installRuntime(`${base}/installed`) : "";
  const runtime = async (name: string, inspectWith: string | null): Promise<Contender> => {
    const folder = await own(name);
    const settings = await writeSettings(`${base}/${name}.json`, {
      writable: [folder],
      hosts: [HOST],
      inspectWith,
    });
    const wrapper = ["env", "-C", folder, "node", program, "--settings", settings, "--"];
    return { name, folder, command: (line) => machine.enter([...wrapper, ...line]), ...withProxy };
  };
  return {
    host,
    bubblewrap: hasTool("bwrap") ? bubblewrap(world, await own("bubblewrap"), env) : null,
    runtime: reason === null ? await runtime("sandbox-runtime", null) : null,
    runtimeInspecting: reason === null
      ? await runtime("sandbox-runtime-inspecting", authority.certificateFile)
      : null,
    openshell: await openshell(world),
    missing: [
      ...hasTool("bwrap") ? [] : [{ contender: "bubblewrap", reason: INSTALL_HINT }],
      ...reason === null ? [] : [{ contender: "sandbox-runtime", reason }],
    ],
  };
}

/** It has no proxy: what needs the network gets all of it. */
function bubblewrap(
  { machine, authority }: World,
  folder: string,
  env: Readonly<Record<string, string>>,
): Contender {
  const { certificateFile } = authority;
  const flags = [
    ...["--share-net", "--ro-bind", certificateFile, certificateFile],
    ...["--bind", folder, folder, "--chdir", folder],
  ];
  return {
    name: "bubblewrap",
    folder,
    command: (command) => machine.enter([...BUBBLEWRAP, ...flags, ...command]),
    env,
    hasProxy: false,
  };
}

async function openshell({ machine }: World): Promise<Contender> {
  const rules = {
    bench: {
      endpoints: [
        { host: HOST, port: 80, tls: "skip" },
        rest(HOST, 443, { access: "read-only" }),
      ],
      binaries: ["/sandbox/deno", "/usr/bin/node"],
    },
  };
  await machine.create(SANDBOX, { policy: policy(rules) });
  return {
    name: "openshell",
    folder: `${await machine.sandboxFolder(SANDBOX)}/workspace`,
    command: (command) => machine.command(["sandbox", "exec", "-n", SANDBOX, "--", ...command]),
    env: machine.environment,
    hasProxy: true,
  };
}
