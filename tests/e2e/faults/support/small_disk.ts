/**
 * A machine whose state folder is a disk of its own, small enough to be filled.
 *
 * The disk is in memory and mounted in a namespace that one process holds: nobody else sees it.
 *
 * @module
 */

import { run } from "../../support/commands.ts";
import { writeHostNames } from "../../support/host_names.ts";
import { findLeftovers } from "../../support/leftovers.ts";
import { uniqueName } from "../../support/network_pair.ts";
import { PROGRAM } from "../../support/requirements.ts";
import { TestMachine } from "../../support/openshell.ts";
import { ADDRESSES, type World } from "../../support/world.ts";

/** Room for a database, keys and a few sandboxes. */
const DISK_MIB = 32;

export class SmallDisk implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;
  readonly #ids = new Set<string>();
  #isHeld = true;

  private constructor(readonly machine: TestMachine, holder: Deno.ChildProcess) {
    this.#holder = holder;
  }

  /** Makes the disk, in the network of the world. The first command starts a gateway. */
  static async start({ pair, authority, folder: parent }: World): Promise<SmallDisk> {
    const folder = `${parent}/${uniqueName()}`;
    for (const name of ["home", "config", "state", "cache", "run", "tmp"]) {
      await Deno.mkdir(`${folder}/${name}`, { recursive: true, mode: 0o700 });
    }
    const withNames = await writeHostNames(folder, { "keep.example.com": ADDRESSES.api });
    const mount = `mount -t tmpfs -o size=${DISK_MIB}m,mode=700 disk "$1" && echo && exec cat`;
    const [program = "", ...args] = withNames(["sh", "-c", mount, "sh", `${folder}/state`]);
    const options = { args, stdin: "piped", stdout: "piped" } as const;
    const holder = new Deno.Command(program, options).spawn();
    const reader = holder.stdout.getReader();
    const { done } = await reader.read();
    reader.releaseLock();
    await holder.stdout.cancel();
    if (done) throw new Error("Cannot mount the small disk");
    const namespace = `--mount=/proc/${holder.pid}/ns/mnt`;
    const machine = new TestMachine({
      folder,
      program: PROGRAM,
      user: null,
      enter: (command) => pair.onMachine(["nsenter", namespace, ...command]),
      processes: () => Promise.resolve([]),
      bundleFile: authority.bundleFile,
    });
    return new SmallDisk(machine, holder);
  }

  /** The path of a file of the machine, for us. */
  seen(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  async freeBytes(): Promise<number> {
    const path = this.seen(`${this.machine.folder}/state`);
    const { stdout } = await run(["stat", "-f", "-c", "%a %S", path]);
    const [blocks = 0, size = 0] = stdout.trim().split(" ").map(Number);
    return blocks * size;
  }

  /** Takes all the room there is. */
  async fill(): Promise<void> {
    const file = await Deno.open(this.#ballast, { create: true, append: true });
    try {
      for (let bytes = 1024 * 1024; bytes >= 4096;) {
        try {
          await file.write(new Uint8Array(bytes));
        } catch {
          bytes /= 2; // Less may still fit.
        }
      }
    } finally {
      file.close();
    }
  }

  /** Gives it back. */
  async empty(): Promise<void> {
    await Deno.remove(this.#ballast);
  }

  /** Remembers the sandboxes that there are. */
  note(): void {
    const folder = this.seen(`${this.machine.folder}/state/openshell/embedded`);
    for (const { name } of Deno.readDirSync(folder)) this.#ids.add(name);
  }

  /** Ends all that runs on it; returns a sentence for each thing that is left. */
  async close(): Promise<readonly string[]> {
    const { machine } = this;
    this.note();
    const commands = [["sandbox", "delete", "--all"], ["gateway", "stop"]];
    const failures: string[] = [];
    for (const args of commands) {
      const { code, stdout, stderr } = await machine.run(args);
      if (code !== 0) failures.push(`${args.join(" ")}: ${stdout}${stderr}`);
    }
    const folder = this.seen(`${machine.folder}/state/openshell/embedded`);
    const kept = [...Deno.readDirSync(folder)].map(({ name }) => `folder of the sandbox ${name}`);
    await this[Symbol.asyncDispose]();
    const traces = { folder: machine.folder, ids: [...this.#ids], processes: [] };
    return [...failures, ...kept, ...findLeftovers(traces)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await this.#holder.stdin.close();
    await this.#holder.status;
  }

  get #ballast(): string {
    return this.seen(`${this.machine.folder}/state/ballast`);
  }
}
