/**
 * Runs programs of the system for the harness, and says all that they said when they fail.
 *
 * @module
 */

/** How a program ended, and what it said. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** False lets the program see our environment as well. */
  readonly clearEnv?: boolean;
  readonly cwd?: string;
  /** Then it is killed, and the code is 137. */
  readonly timeoutMs?: number;
}

/** Far more than any step takes, so that a hang fails a test instead of the whole run. */
const TIMEOUT_MS = 60_000;

/** Runs a program to its end. A failure is an outcome. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { stdin, timeoutMs = TIMEOUT_MS } = options;
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    clearEnv: options.clearEnv ?? false,
    env: options.env ?? {},
    ...options.cwd === undefined ? {} : { cwd: options.cwd },
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  try {
    const [{ code, stdout, stderr }] = await Promise.all([
      child.output(),
      stdin === undefined ? null : writeAll(child.stdin, stdin),
    ]);
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs a program that must succeed, and returns what it wrote.
 *
 * @throws {Error} with its output when it fails
 */
export async function mustRun(
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code === 0) return stdout;
  throw new Error(`Cannot run "${command.join(" ")}": it ended with ${code}: ${stderr}${stdout}`);
}

/** Looks until it is there, at most so long. */
export async function waitFor<T>(
  what: string,
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > deadline) {
      throw new Error(`Cannot wait longer for ${what}: ${timeoutMs} ms have passed`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The program may end before it has read everything. */
async function writeAll(
  stream: WritableStream<Uint8Array>,
  content: string | Uint8Array,
): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const writer = stream.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
