/**
 * The main process of a sandbox: it runs once, and people attach to it and leave again.
 *
 * What it printed last is replayed to whoever attaches. One person at a time owns its input; the
 * others watch. A reader that does not keep up is cut off, so that it cannot stop the process.
 *
 * @module
 */

import {
  ATTACHMENT_BYTES_MAX,
  ATTACHMENT_STALL_MS_MAX,
  ATTACHMENTS_MAX,
  REPLAY_BYTES_MAX,
} from "../../../proto/limits.ts";
import { AsyncQueue } from "../../system/async_queue.ts";
import type { JailProcess } from "../launch/jail.ts";
import { handleInputs } from "./handle_inputs.ts";
import type { ProcessChannel, ProcessOutput, TerminalSize } from "./process_channel.ts";
import { readOutput } from "./read_output.ts";
import { ReplayBuffer } from "./replay_buffer.ts";

export interface AttachOptions {
  readonly readOnly: boolean;
  /** Size of the person's terminal, where there is one. */
  readonly size: TerminalSize | null;
}

interface Attachment {
  readonly outputs: AsyncQueue<ProcessOutput>;
}

/** Owns a started process until its end. */
export class MainProcess {
  /** Exit code, once the process has ended and its output was read. */
  readonly exited: Promise<number>;
  readonly #process: JailProcess;
  readonly #replay = new ReplayBuffer(REPLAY_BYTES_MAX);
  readonly #attachments = new Set<Attachment>();
  #owner: Attachment | null = null;
  #exitCode: number | null = null;
  #delivered = Promise.withResolvers<void>();

  constructor(process: JailProcess) {
    this.#process = process;
    this.exited = this.#run();
  }

  /** As the host sees it. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves when a person has received all output and the exit code. */
  get delivered(): Promise<void> {
    return this.#delivered.promise;
  }

  /** Sends what there is and what comes; resolves when the person leaves or the process has ended. */
  async attach(channel: ProcessChannel, { readOnly, size }: AttachOptions): Promise<void> {
    if (this.#attachments.size >= ATTACHMENTS_MAX) {
      await channel.send({ kind: "notice", text: `${ATTACHMENTS_MAX} are attached already` });
      return;
    }
    const attachment: Attachment = {
      outputs: new AsyncQueue({ weightMax: ATTACHMENT_BYTES_MAX, weigh }),
    };
    const owns = !readOnly && this.#owner === null;
    if (owns) this.#owner = attachment;
    this.#attachments.add(attachment);
    try {
      for (const output of this.#greeting(readOnly, owns)) attachment.outputs.offer(output);
      if (this.#exitCode !== null) this.#finish(attachment, this.#exitCode);
      if (owns && size !== null) await this.#process.resize(size);
      const leaving = this.#receive(channel, attachment);
      await this.#deliver(channel, attachment);
      attachment.outputs.discard();
      await Promise.race([leaving, this.exited]);
    } finally {
      this.#attachments.delete(attachment);
      if (this.#owner === attachment) this.#owner = null;
    }
  }

  #greeting(readOnly: boolean, owns: boolean): readonly ProcessOutput[] {
    const notices: ProcessOutput[] = [];
    if (this.#replay.isCut) {
      notices.push({ kind: "notice", text: "older output is no longer there" });
    }
    const replay = this.#replay.chunks();
    if (readOnly || owns) return [...notices, ...replay];
    const text = "the session already has an input owner: attached read-only";
    return [...notices, ...replay, { kind: "notice", text }];
  }

  async #deliver(channel: ProcessChannel, { outputs }: Attachment): Promise<void> {
    for await (const output of outputs) {
      if (!await channel.send(output)) return;
      if (output.kind === "exit") this.#delivered.resolve();
    }
  }

  /** Ends the attachment's output when the person has gone. */
  async #receive(channel: ProcessChannel, attachment: Attachment): Promise<void> {
    try {
      await handleInputs(channel.inputs, this.#process, () => this.#owner === attachment);
    } finally {
      attachment.outputs.discard();
    }
  }

  async #run(): Promise<number> {
    const { code } = await readOutput(this.#process, async (chunk) => {
      this.#replay.add(chunk);
      await Promise.all([...this.#attachments].map((attachment) => this.#give(attachment, chunk)));
    });
    this.#exitCode = code;
    for (const attachment of this.#attachments) this.#finish(attachment, code);
    return code;
  }

  async #give(attachment: Attachment, chunk: ProcessOutput): Promise<void> {
    const { outputs } = attachment;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<"stalled">((resolve) => {
      timer = setTimeout(() => resolve("stalled"), ATTACHMENT_STALL_MS_MAX);
    });
    const outcome = await Promise.race([outputs.push(chunk), stalled]);
    clearTimeout(timer);
    if (outcome !== "stalled") return;
    this.#attachments.delete(attachment);
    if (this.#owner === attachment) this.#owner = null;
    outputs.discard();
  }

  #finish({ outputs }: Attachment, code: number): void {
    // Not offered: the last word must not be dropped where the queue is full.
    void outputs.push({ kind: "exit", code });
    outputs.end();
  }
}

function weigh(output: ProcessOutput): number {
  return "bytes" in output ? output.bytes.length : 1;
}
