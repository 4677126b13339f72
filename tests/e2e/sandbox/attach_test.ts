/**
 * Attaching to the main process: one owner of its input, replay for whoever comes back, terminals.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import type { TestMachine } from "../support/openshell.ts";
import { sandboxSuite } from "../support/suite.ts";
import { Terminal } from "../support/terminal.ts";

/** Says back each line that it reads. */
const PARROT = ["sh", "-c", 'echo started; while read -r line; do echo "got $line"; done; exit 4'];

/** `sandbox connect` in the background: what it has said so far, and its input. */
class Attachment {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #done: Promise<unknown>;
  #said = "";

  constructor(machine: TestMachine, name: string) {
    this.#child = machine.spawn(["sandbox", "connect", name], {
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    this.#writer = this.#child.stdin.getWriter();
    this.#done = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]);
  }

  async says(pattern: RegExp): Promise<void> {
    await waitFor(`${pattern} in ${this.#said}`, () => pattern.test(this.#said));
  }

  get said(): string {
    return this.#said;
  }

  async type(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
  }

  /** Ends the input, and returns the exit code. */
  async end(): Promise<number> {
    await this.#writer.close().catch(() => {});
    await this.#done;
    return (await this.#child.status).code;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.end();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const piece of stream) this.#said += new TextDecoder().decode(piece);
  }
}

sandboxSuite("attach", async ({ world: { machine }, step }) => {
  await step("one attachment owns the input, the next one watches", async () => {
    await machine.create("parrot", { flags: ["--no-tty"], command: PARROT });
    const first = new Attachment(machine, "parrot");
    await first.says(/started/);
    await first.type("one\n");
    await first.says(/got one/);
    const second = new Attachment(machine, "parrot");
    await second.says(/already has an input owner/);
    await second.says(/started\n(.|\n)*got one/);
    await second.type("ignored\n");
    await first.type("two\n");
    await second.says(/got two/);
    assert.doesNotMatch(second.said, /got ignored/);
    await second.kill();
    await first.kill();
  });

  await step("coming back replays, and owns the input again", async () => {
    const again = new Attachment(machine, "parrot");
    await again.says(/started\n(.|\n)*got one\n(.|\n)*got two/);
    await again.type("three\n");
    await again.says(/got three/);
    assert.equal(await again.end(), 4, "the end of the input ends the main process");
    await machine.waitForPhase("parrot", "Error");
  });

  await step("a terminal has size and name, and can be left", async () => {
    const env = { ...machine.environment };
    const create = ["sandbox", "create", "--name", "shell", "--", "bash", "--norc"];
    await using terminal = Terminal.start(machine.command(create), { env, cwd: machine.home });
    await terminal.waitFor(/[$#] /);
    await terminal.type("tty; stty size; echo $TERM $HOME $USER\r");
    await terminal.waitFor(/\/dev\/pts\/\d+\s+40 120\s+\S+ \/sandbox sandbox/);
    await terminal.type("echo asleep-$((0 + 1)); sleep 60\r");
    await terminal.waitFor(/asleep-1/);
    await terminal.type("\x03");
    // What is typed before the shell is back is dropped with the interrupt.
    await terminal.waitFor(/\^C[^]*[$#] $/);
    await terminal.type("echo after-$((1 + 1))\r");
    await terminal.waitFor(/after-2/);
    await terminal.type("\x10\x11");
    await terminal.end();
    machine.noteSandboxes();
    assert.equal((await machine.sandbox("shell")).phase, "Ready");
  });

  await step("connect shows the same shell again, and its end", async () => {
    const env = { ...machine.environment };
    const connect = machine.command(["sandbox", "connect", "shell"]);
    await using terminal = Terminal.start(connect, { env, cwd: machine.home });
    await terminal.waitFor(/after-2/);
    await terminal.type("exit 6\r");
    assert.equal(await terminal.end(), 6);
    await machine.waitForPhase("shell", "Error");
  });

  await step("exec has a terminal of its own", async () => {
    await machine.create("other");
    const exec = ["sandbox", "exec", "-n", "other", "--tty", "--", "bash", "--norc"];
    const env = { ...machine.environment };
    await using terminal = Terminal.start(machine.command(exec), { env, cwd: machine.home });
    await terminal.waitFor(/[$#] /);
    await terminal.type("test -t 0 && echo is-$((2 + 3)); exit 9\r");
    await terminal.waitFor(/is-5/);
    assert.equal(await terminal.end(), 9);
  });
});
