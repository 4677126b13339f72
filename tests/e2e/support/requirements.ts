/**
 * Why tests of real sandboxes cannot run here, if so: the reason stands in the name of what is
 * skipped.
 *
 * @module
 */

/** The one executable, which `deno task build` makes. */
export const PROGRAM = new URL("../../../dist/openshell", import.meta.url).pathname;

/** What the harness and the scripts in the sandboxes call. */
const TOOLS = ["ip", "nsenter", "unshare", "openssl", "curl", "bash", "timeout", "script"];

const FOLDERS = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

/** Returns why sandboxes cannot be tested here, `null` where they can. */
export function findMissing(): string | null {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  if (!isThere(PROGRAM)) return "dist/openshell is not built";
  const tool = TOOLS.find((name) => !hasTool(name));
  if (tool !== undefined) return `needs the program ${tool}`;
  if (!hasCapability(CAP_SYS_ADMIN)) return "needs CAP_SYS_ADMIN";
  return hasLandlock() ? null : "needs Landlock";
}

/** Returns why an ordinary user's cannot be tested here, `null` where they can. */
export function findMissingForUser(): string | null {
  const tool = ["newuidmap", "newgidmap", "setpriv", "chown"].find((name) => !hasTool(name));
  if (tool !== undefined) return `needs the program ${tool}`;
  const file = ["/etc/subuid", "/etc/subgid"].find((path) => !isThere(path));
  if (file !== undefined) return `needs the file ${file}`;
  const most = Deno.readTextFileSync("/proc/sys/user/max_user_namespaces");
  return Number(most) > 0 ? findMissing() : "needs user namespaces";
}

/** Returns whether a program is where a base system has it. */
export function hasTool(name: string): boolean {
  return FOLDERS.some((folder) => isThere(`${folder}/${name}`));
}

const CAP_SYS_ADMIN = 21n;

function hasCapability(number: bigint): boolean {
  const status = Deno.readTextFileSync("/proc/self/status");
  const [, effective = "0"] = /^CapEff:\s*(\w+)/m.exec(status) ?? [];
  return (BigInt(`0x${effective}`) >> number & 1n) === 1n;
}

/** Where the list cannot be read, the product is to say what is missing. */
function hasLandlock(): boolean {
  try {
    return Deno.readTextFileSync("/sys/kernel/security/lsm").split(",").includes("landlock");
  } catch {
    return true;
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
