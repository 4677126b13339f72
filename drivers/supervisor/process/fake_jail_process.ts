/**
 * A process of a jail for tests: its output and its end are what the test says.
 *
 * @module
 */

import type { JailProcess } from "../launch/jail.ts";
import type { ProcessChannel, ProcessInput, ProcessOutput } from "./process_channel.ts";

/** A process whose outputs a test writes, and that records what was done to it. */
export class FakeJailProcess implements JailProcess {
  readonly pid = 4242;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly done: string[] = [];
  #out!: ReadableStreamDefaultController<Uint8Array>;
  #err!: ReadableStreamDefaultController<Uint8Array>;
  readonly #exit = Promise.withResolvers<number>();

  constructor() {
    this.stdout = new ReadableStream({ start: (controller) => void (this.#out = controller) });
    this.stderr = new ReadableStream({ start: (controller) => void (this.#err = controller) });
  }

  print(text: string): void {
    this.#out.enqueue(new TextEncoder().encode(text));
  }

  end(code: number): void {
    this.#out.close();
    this.#err.close();
    this.#exit.resolve(code);
  }

  /** The program ends, and something that it started keeps the outputs open. */
  endAlone(code: number): void {
    this.#exit.resolve(code);
  }

  /** The jail ends, and takes the program along. */
  vanish(): void {
    const error = new TypeError("it has ended");
    this.#out.error(error);
    this.#err.error(error);
    this.#exit.reject(error);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#record(`write ${new TextDecoder().decode(bytes)}`);
  }

  endInput(): Promise<void> {
    return this.#record("end input");
  }

  resize({ cols, rows }: { cols: number; rows: number }): Promise<void> {
    return this.#record(`resize ${cols}x${rows}`);
  }

  kill(signal: string): Promise<void> {
    return this.#record(`kill ${signal}`);
  }

  signal(signal: string): Promise<void> {
    return this.#record(`signal ${signal}`);
  }

  async wait(): Promise<{ code: number; signal: null }> {
    return { code: await this.#exit.promise, signal: null };
  }

  #record(what: string): Promise<void> {
    this.done.push(what);
    return Promise.resolve();
  }
}

/** The other end of a relay, for tests. */
export class FakePerson implements ProcessChannel {
  readonly seen: string[] = [];
  readonly inputs: AsyncIterable<ProcessInput>;
  /** While true, nothing sent is taken. */
  stalls = false;
  readonly #stream: ReadableStreamDefaultController<ProcessInput>;

  constructor() {
    const started = Promise.withResolvers<ReadableStreamDefaultController<ProcessInput>>();
    let controller!: ReadableStreamDefaultController<ProcessInput>;
    this.inputs = new ReadableStream<ProcessInput>({
      start: (given) => {
        controller = given;
        started.resolve(given);
      },
    });
    this.#stream = controller;
  }

  say(input: ProcessInput): void {
    this.#stream.enqueue(input);
  }

  leave(): void {
    this.#stream.close();
  }

  send(output: ProcessOutput): Promise<boolean> {
    if (this.stalls) return new Promise(() => {});
    this.seen.push(describe(output));
    return Promise.resolve(true);
  }
}

function describe(output: ProcessOutput): string {
  switch (output.kind) {
    case "stdout":
    case "stderr":
      return `${output.kind} ${new TextDecoder().decode(output.bytes)}`;
    case "notice":
      return `notice ${output.text}`;
    case "exit":
      return `exit ${output.code}`;
  }
}
