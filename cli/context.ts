/**
 * What a command may touch of the outside world, as ports.
 *
 * Commands take a {@link Context} and nothing else, so that a test runs them without a process.
 * The real one is `process_context.ts`, the one for tests `fake_context.ts`.
 *
 * @module
 */

import type { FoundGateway } from "../gateway/client/connect_gateway.ts";
import type { Gateway, GatewayChoice, WindowSize } from "../gateway/client/types.ts";

/** A stream that a command writes to. */
export interface Sink {
  /** Writes at once, so that nothing is lost when the process exits. */
  write(content: string | Uint8Array): void;
  /** True when a person reads it live: only then are there colours. */
  readonly isTerminal: boolean;
}

/** Standard input. */
export interface Source {
  /** Reads to the end, but at most `bytesMax + 1` bytes: one more than allowed shows excess. */
  read(bytesMax: number): Promise<Uint8Array>;
  /** What comes, as it comes, to the end. One reader at a time. */
  chunks(): AsyncIterable<Uint8Array>;
  /**
   * Hands over every key as it is pressed, or goes back to whole lines. Does nothing for anything
   * but a terminal. The terminal is put back in any case when the process ends.
   */
  setRaw(raw: boolean): void;
  /** True when a person types it: only then may a command prompt. */
  readonly isTerminal: boolean;
}

/** The file system. Failures are `Deno.errors`; `files.ts` turns them into coded errors. */
export interface Files {
  /** Reads to the end, but at most `bytesMax + 1` bytes: one more than allowed shows excess. */
  read(path: string, bytesMax: number): Promise<Uint8Array>;
  /** Replaces the file as a whole or not at all. A symbolic link stays, its target is replaced. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Makes a folder that is private to the person, and those above it. */
  makeFolder(path: string): Promise<void>;
  /** Removes a file. None is a success. */
  remove(path: string): Promise<void>;
  /** Names of what is in a folder; none where there is no folder. */
  list(path: string): Promise<readonly string[]>;
  /** What is at a path, its links followed; `null` for nothing. */
  kindOf(path: string): Promise<"file" | "directory" | "other" | null>;
}

/** How a program that was run has ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** What a command may be told by a signal. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGWINCH";

/** Time, signals and other processes of this machine. */
export interface Machine {
  /** Our own program and its leading arguments, to start it in another role. */
  readonly command: readonly string[];
  cwd(): string;
  /** Since 1970, in milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Calls until the returned function is called. */
  every(ms: number, call: () => void): () => void;
  /** Takes a signal over from its default effect, until the returned function is called. */
  onSignal(name: SignalName, handle: () => void): () => void;
  /** Size of the terminal, `null` without one. */
  windowSize(): WindowSize | null;
  /** Runs a program to its end. */
  run(command: readonly string[], options: RunOptions): Promise<Outcome>;
  /** Starts our program so that it outlives us, with its output in a file. Returns its process. */
  spawnDetached(command: readonly string[], logFile: string): Promise<number>;
  /** Arguments of a process, `null` where it does not run. */
  commandLine(pid: number): readonly string[] | null;
  /** Asks a process to end. One that has ended is a success. */
  terminate(pid: number): void;
}

export interface RunOptions {
  readonly cwd: string;
  /** Variables that the program does not inherit: all that start with this. */
  readonly withoutPrefix: string;
}

/** The way to gateways. */
export interface Gateways {
  /** Opens the gateway that is meant, and starts the local one where it does not run. */
  open(choice: GatewayChoice): Promise<Gateway>;
  /** As `open`, but starts nothing. */
  find(choice: GatewayChoice): Promise<FoundGateway>;
}

/** Everything a command may touch. */
export interface Context {
  /** Results, and nothing else. */
  readonly stdout: Sink;
  /** Everything that is not a result: errors, hints, progress, prompts. */
  readonly stderr: Sink;
  readonly stdin: Source;
  readonly files: Files;
  readonly machine: Machine;
  readonly gateways: Gateways;
  /** Value of an environment variable, `undefined` where it is not set. */
  env(name: string): string | undefined;
}
