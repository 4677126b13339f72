/**
 * Two network namespaces joined by a wire: the machine, and the internet that it sees.
 *
 * Gateway, supervisors and command line run in the first, origins in the second. The host's own
 * network is never touched, and nothing under test can reach it: not even by mistake does a test
 * meet a real server. Files that run at the same time have pairs of their own, so addresses may be
 * the same in all.
 *
 * Names start with a prefix and the process that made them; what a crashed run left is removed.
 *
 * @module
 */

import { mustRun, run } from "./commands.ts";

const PREFIX = "osh-e2e";
const NETNS_FOLDER = "/run/netns";

/** The machine's own address on the wire. */
const MACHINE_ADDRESS = "10.255.0.1";

/** What the machine reaches by the wire. Only these networks exist for it. */
const ROUTES = [
  // Documentation: internal for a policy, so only an exact host may lead there.
  "203.0.113.0/24",
  "198.51.100.0/24",
  // Private.
  "10.20.0.0/16",
  // Public by every table, and here routed to nobody but us.
  "11.22.33.0/24",
  // Metadata services of clouds.
  "169.254.169.254/32",
];

/** Removes itself, and every process in it, when disposed of. */
export class NetworkPair implements AsyncDisposable {
  private constructor(readonly name: string) {}

  /** Name of the namespace of gateway and supervisors. */
  get machine(): string {
    return `${this.name}-machine`;
  }

  /** Name of the namespace of the origins. */
  get internet(): string {
    return `${this.name}-internet`;
  }

  /** `addresses` are those that origins listen on. */
  static async create(addresses: readonly string[]): Promise<NetworkPair> {
    await removeStale();
    const pair = new NetworkPair(uniqueName());
    const { machine, internet } = pair;
    try {
      await mustRun(["ip", "netns", "add", machine]);
      await mustRun(["ip", "netns", "add", internet]);
      const ends = ["wire", "netns", machine, "type", "veth", "peer", "name", "wire"];
      await mustRun(["ip", "link", "add", ...ends, "netns", internet]);
      await batch(internet, [
        "link set lo up",
        "link set wire up",
        ...new Set(addresses.map((address) => `address add ${address}/32 dev wire`)),
        `route add ${MACHINE_ADDRESS}/32 dev wire`,
      ]);
      await batch(machine, [
        "link set lo up",
        "link set wire up",
        `address add ${MACHINE_ADDRESS}/32 dev wire`,
        ...ROUTES.map((route) => `route add ${route} dev wire src ${MACHINE_ADDRESS}`),
      ]);
      return pair;
    } catch (error) {
      await pair.remove();
      throw error;
    }
  }

  /** Returns the command that runs `command` on the machine's network. */
  onMachine(command: readonly string[]): readonly string[] {
    return [...enter(this.machine), ...command];
  }

  /** Returns the command that runs `command` on the origins' network. */
  onInternet(command: readonly string[]): readonly string[] {
    return [...enter(this.internet), ...command];
  }

  /** Host process ids of all that use the machine's network. */
  async machineProcesses(): Promise<readonly number[]> {
    return await processesIn(this.machine);
  }

  async remove(): Promise<void> {
    await removePair(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}

/** Returns a name that no other test has, and that shows whether its maker still runs. */
export function uniqueName(): string {
  return `${PREFIX}-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
}

/** Returns whether a name is of this harness, and its maker is gone. */
export function isStale(name: string): boolean {
  const [, pid] = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name) ?? [];
  if (pid === undefined) return false;
  try {
    Deno.statSync(`/proc/${pid}`);
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** Returns the names that are left of this harness, of whatever run. */
export function namespaceNames(): readonly string[] {
  try {
    return [...Deno.readDirSync(NETNS_FOLDER)].map(({ name }) => name)
      .filter((name) => name.startsWith(PREFIX));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function removeStale(): Promise<void> {
  const stale = namespaceNames().filter(isStale);
  const pairs = new Set(stale.map((name) => name.replace(/-(machine|internet)$/, "")));
  for (const name of pairs) await removePair(name);
}

async function removePair(name: string): Promise<void> {
  for (const namespace of [`${name}-machine`, `${name}-internet`]) {
    for (const pid of await processesIn(namespace)) killProcess(pid);
    // Two files may tidy up at the same time: what matters is that it is gone.
    await run(["ip", "netns", "delete", namespace]);
  }
}

async function processesIn(namespace: string): Promise<readonly number[]> {
  const { code, stdout } = await run(["ip", "netns", "pids", namespace]);
  return code === 0 ? stdout.split("\n").filter((line) => line !== "").map(Number) : [];
}

function killProcess(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function enter(namespace: string): readonly string[] {
  return ["nsenter", `--net=${NETNS_FOLDER}/${namespace}`];
}

async function batch(namespace: string, commands: readonly string[]): Promise<void> {
  await mustRun(["ip", "-n", namespace, "-batch", "-"], { stdin: `${commands.join("\n")}\n` });
}
