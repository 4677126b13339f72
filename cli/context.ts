/**
 * What a command may touch of the outside world, as ports.
 *
 * Commands take a {@link Context} and nothing else, so that a test runs them without a process.
 * The real one is `process_context.ts`, the one for tests `fake_context.ts`.
 *
 * @module
 */

/** A text stream that a command writes to. */
export interface Sink {
  /** Writes at once, so that nothing is lost when the process exits. */
  write(text: string): void;
  /** True when a person reads it live: only then are there colours. */
  readonly isTerminal: boolean;
}

/** Standard input. */
export interface Source {
  /** Reads to the end, but at most `bytesMax + 1` bytes: one more than allowed shows excess. */
  read(bytesMax: number): Promise<Uint8Array>;
  /** True when a person types it: only then may a command prompt. */
  readonly isTerminal: boolean;
}

/** The file system. Failures are `Deno.errors`; `files.ts` turns them into coded errors. */
export interface Files {
  /** Reads to the end, but at most `bytesMax + 1` bytes: one more than allowed shows excess. */
  read(path: string, bytesMax: number): Promise<Uint8Array>;
  /** Replaces the file as a whole or not at all. A symbolic link stays, its target is replaced. */
  write(path: string, bytes: Uint8Array): Promise<void>;
}

/** Everything a command may touch. */
export interface Context {
  /** Results, and nothing else. */
  readonly stdout: Sink;
  /** Everything that is not a result: errors, hints, progress, prompts. */
  readonly stderr: Sink;
  readonly stdin: Source;
  readonly files: Files;
  /** Value of an environment variable, `undefined` where it is not set. */
  env(name: string): string | undefined;
}
