/**
 * Processes and connections for tests: a table that can change between two questions.
 *
 * @module
 */

import type {
  FileIdentity,
  Lineage,
  Owner,
  ProcessLook,
  ProcessTable,
  SocketTable,
} from "./process_table.ts";

export interface FakeProcess {
  readonly pid: number;
  readonly parent: number;
  readonly path: ProcessLook["path"];
  readonly startTime?: string;
  /** Stands for what the file holds, and for its version where none is given. */
  readonly content?: string;
  readonly version?: string;
  readonly bytes?: number;
  /** Inodes of the sockets that it holds. */
  readonly sockets?: readonly number[];
}

/** The inode of the one connection, from port {@link CLIENT_PORT}. */
export const INODE = 77;
export const CLIENT_PORT = 40_000;

export class FakeProcesses implements ProcessTable, SocketTable {
  processes: readonly FakeProcess[];
  /** Names of the questions, in order. */
  readonly asked: string[] = [];
  /** Called before each question is answered. */
  onAsk: (question: string) => void = () => {};

  constructor(...processes: readonly FakeProcess[]) {
    this.processes = processes;
  }

  change(pid: number, change: Partial<FakeProcess> | null): void {
    this.processes = this.processes.flatMap((process) => {
      if (process.pid !== pid) return [process];
      return change === null ? [] : [{ ...process, ...change }];
    });
  }

  inodeOf(clientPort: number): number | null {
    this.#ask("inodeOf");
    return clientPort === CLIENT_PORT ? INODE : null;
  }

  ownersOf(inode: number): readonly Owner[] | null {
    this.#ask("ownersOf");
    return this.processes.filter(({ sockets }) => sockets?.includes(inode))
      .map(({ pid }) => ({ pid, descriptor: 3 }));
  }

  holds({ pid }: Owner, inode: number): boolean {
    this.#ask("holds");
    return this.#find(pid)?.sockets?.includes(inode) ?? false;
  }

  lineage(pid: number): Lineage | null {
    this.#ask("lineage");
    const process = this.#find(pid);
    if (process === undefined) return null;
    return { parent: process.parent, startTime: process.startTime ?? "1" };
  }

  look(pid: number): ProcessLook | null {
    this.#ask("look");
    const process = this.#find(pid);
    if (process === undefined) return null;
    const { parent, path, startTime = "1" } = process;
    return { pid, parent, startTime, path, identity: identityOf(process) };
  }

  async hash(pid: number, identity: FileIdentity): Promise<string | null> {
    this.#ask("hash");
    await Promise.resolve();
    const process = this.#find(pid);
    if (process === undefined || identityOf(process).version !== identity.version) return null;
    return process.content ?? String(process.path);
  }

  hostPid(pid: number): number | null {
    this.#ask("hostPid");
    return this.#find(pid) === undefined ? null : 1000 + pid;
  }

  #ask(question: string): void {
    this.asked.push(question);
    this.onAsk(question);
  }

  #find(pid: number): FakeProcess | undefined {
    return this.processes.find((process) => process.pid === pid);
  }
}

function identityOf({ path, content, version, bytes }: FakeProcess): FileIdentity {
  const file = content ?? JSON.stringify(path);
  return { file, version: version ?? file, bytes: bytes ?? 1 };
}
