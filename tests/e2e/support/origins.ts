/**
 * Local stand-ins for servers of the internet, which record every byte that reaches them.
 *
 * @module
 */

import type { OriginCommand, OriginReply, OriginSpec, RecordedConnection } from "./recording.ts";

const SERVER = new URL("./origin_server.ts", import.meta.url).pathname;

/** A process of origins. Reads its replies only when one is due, so nothing is left in between. */
export class Origins implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";
  /** One command at a time. */
  #previous: Promise<unknown> = Promise.resolve();

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#reader = child.stdout.getReader();
  }

  /** Starts them; `enter` puts the process into its namespace. They listen when this resolves. */
  static async start(
    specs: readonly OriginSpec[],
    enter: (command: readonly string[]) => readonly string[],
  ): Promise<Origins> {
    const deno = [Deno.execPath(), "run", "--quiet", "--no-config", "--no-lock", "--allow-all"];
    const [program = "", ...args] = enter([...deno, SERVER, JSON.stringify(specs)]);
    const child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const origins = new Origins(child);
    await origins.#reply();
    return origins;
  }

  /** Everything received so far, by connection in the order of their beginning. */
  async recordings(origin?: string): Promise<readonly RecordedConnection[]> {
    const all = await this.#ask("recordings") ?? [];
    return origin === undefined ? all : all.filter((each) => each.origin === origin);
  }

  /** True when any origin has received these bytes. */
  async received(text: string): Promise<boolean> {
    return (await this.recordings()).some(({ received }) => received.includes(text));
  }

  /** Forgets all recordings. */
  async clear(): Promise<void> {
    await this.#ask("clear");
  }

  async stop(): Promise<void> {
    await this.#previous;
    await this.#writer.close().catch(() => {});
    // Nothing more is due: this ends with the process.
    await this.#reader.cancel();
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #ask(command: OriginCommand): Promise<OriginReply> {
    const reply = this.#previous.then(async () => {
      await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
      return await this.#reply() as OriginReply;
    });
    this.#previous = reply.catch(() => {});
    return reply;
  }

  async #reply(): Promise<unknown> {
    const decoder = new TextDecoder();
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return JSON.parse(line);
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("Cannot ask the origins: their process has ended");
      this.#text += decoder.decode(value, { stream: true });
    }
  }
}
