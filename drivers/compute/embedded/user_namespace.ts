/**
 * Runs programs of an ordinary user with root's capabilities over that user's own ids, and over
 * nothing else: in a user namespace.
 *
 * Inside, ids are what they are outside: the user's own, and those that the machine's administrator
 * has put aside for that user. Only root of the namespace is another: the first of the latter. A
 * process with threads cannot make such a namespace, so `unshare` makes it and becomes the program;
 * `newuidmap` and `newgidmap`, which are allowed to, write its maps.
 *
 * @module
 */

import { CodedError } from "../../../proto/errors.ts";
import { USER_NAMESPACE_MS_MAX } from "../../../proto/limits.ts";
import type { IdRange, SubordinateIds } from "../../system/subordinate_ids.ts";

/** No user namespace could be made, or its maps could not be written. */
export class UserNamespaceError extends CodedError {
  override readonly name = "UserNamespaceError";
  override readonly code = "failed_precondition";

  constructor(detail: string) {
    super(`Cannot make a user namespace: ${detail}`, {
      hint: 'Run "openshell doctor" for what an ordinary user needs, or run OpenShell as root',
    });
  }
}

/** Between two looks at a process that is on its way into its namespace, in milliseconds. */
const LOOK_MS = 2;

/** Base systems have all of it there; whatever else is on the path has no say. */
const PATH = "/usr/bin:/bin:/usr/sbin:/sbin";

/**
 * Returns the command that becomes `command` in a user namespace, once it has read a line: see
 * `mapIds`. What follows the line is the program's input.
 */
export function inUserNamespace(command: readonly string[]): readonly string[] {
  const become = 'IFS= read -r line && unset line && exec "$@"';
  return ["/usr/bin/unshare", "--user", "--keep-caps", "/bin/sh", "-c", become, "sh", ...command];
}

/**
 * Writes the maps of a process that was started so. Then it may be sent its line.
 *
 * @throws {UserNamespaceError}
 */
export async function mapIds(pid: number, ids: SubordinateIds): Promise<void> {
  await untilInside(pid);
  await writeMap("newuidmap", pid, toMap(ids.uid, ids.uids));
  await writeMap("newgidmap", pid, toMap(ids.gid, ids.gids));
}

/**
 * Runs a program in a user namespace to its end.
 *
 * @throws {UserNamespaceError} also where the program fails.
 */
export async function runInUserNamespace(
  command: readonly string[],
  ids: SubordinateIds,
): Promise<void> {
  const [program = "", ...args] = inUserNamespace(command);
  const child = new Deno.Command(program, {
    args,
    cwd: "/",
    clearEnv: true,
    env: { PATH },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const said = new Response(child.stderr).text();
  try {
    await mapIds(child.pid, ids);
    await input.write(new TextEncoder().encode("\n"));
  } finally {
    // Without its line the program never begins.
    await input.close().catch(() => {});
    await child.status;
  }
  const { success, code } = await child.status;
  if (success) return;
  throw new UserNamespaceError(`${command[0]} ended with ${code}: ${(await said).trim()}`);
}

/** What `newuidmap` takes: the first id inside, the first one outside, how many; three times. */
function toMap(own: number, { first, count }: IdRange): readonly number[] {
  return [0, first, 1, own, own, 1, first + 1, first + 1, count - 1];
}

async function untilInside(pid: number): Promise<void> {
  const own = Deno.readLinkSync("/proc/self/ns/user");
  for (let waited = 0; waited <= USER_NAMESPACE_MS_MAX; waited += LOOK_MS) {
    const other = namespaceOf(pid);
    if (other === null) throw new UserNamespaceError("unshare has ended");
    if (other !== own) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new UserNamespaceError("unshare does not get on");
}

/** `null` where the process has ended. */
function namespaceOf(pid: number): string | null {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/user`);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

async function writeMap(tool: string, pid: number, map: readonly number[]): Promise<void> {
  await runTool(tool, [pid, ...map].map(String), USER_NAMESPACE_MS_MAX);
}

/**
 * Runs a program that writes a map. It may ask a directory of users elsewhere, which may not answer:
 * then it is ended.
 *
 * @throws {UserNamespaceError}
 */
export async function runTool(
  tool: string,
  args: readonly string[],
  msMax: number,
): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), msMax);
  try {
    const { success, stderr } = await new Deno.Command(tool, {
      args: [...args],
      clearEnv: true,
      env: { PATH },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      signal: late.signal,
    }).output();
    if (success) return;
    const said = new TextDecoder().decode(stderr).trim();
    throw new UserNamespaceError(late.signal.aborted ? `${tool} does not get on` : said);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserNamespaceError(`the program ${tool} is not installed`);
  } finally {
    clearTimeout(timer);
  }
}
