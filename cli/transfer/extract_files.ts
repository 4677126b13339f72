/**
 * Writes a stream from a sandbox into an empty folder.
 *
 * Links are made last, so that nothing can be written through one.
 *
 * @module
 */

import { extract, type Header } from "tar-stream";
import { DOWNLOAD_HEADER_BYTES_MAX } from "../../proto/limits.ts";
import { CodedError } from "../../proto/errors.ts";
import { type EntryAction, EntryChecker } from "./check_entry.ts";
import { TransferError } from "./transfer_error.ts";

/** Bytes of padding and headers that a stream may start with, in bytes. */
const SLACK_BYTES = 1024 * 1024;

type Link = Extract<EntryAction, { readonly kind: "link" }>;

/** Takes a stream chunk by chunk. Call `finish` after the last one, and `abort` when it fails. */
export class Extractor {
  readonly #folder: string;
  readonly #stream = extract();
  readonly #checker = new EntryChecker();
  readonly #links: Link[] = [];
  readonly #written: Promise<void>;
  #failure: { readonly error: unknown } | null = null;
  #received = 0;
  #allowed = SLACK_BYTES;
  #entries = 0;

  /** `folder` is absolute, empty, and private to us. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#written = this.#writeAll().catch((error) => {
      this.#failure = { error };
      this.#stream.destroy();
    });
  }

  /** Number of entries so far. */
  get entries(): number {
    return this.#entries;
  }

  /** @throws {CodedError} when what came cannot be written */
  async write(chunk: Uint8Array): Promise<void> {
    this.#throwFailure();
    this.#received += chunk.length;
    // Names are held in memory, so they must not go on for ever.
    if (this.#received > this.#allowed) {
      await this.abort();
      throw new TransferError("Cannot download: the stream holds more names than content");
    }
    if (this.#stream.write(chunk)) return;
    await Promise.race([
      new Promise<void>((drained) => this.#stream.once("drain", () => drained())),
      this.#written,
    ]);
    this.#throwFailure();
  }

  /** @throws {CodedError} when the stream is not complete, or cannot be written */
  async finish(): Promise<void> {
    this.#stream.end(null);
    await this.#written;
    this.#throwFailure();
    for (const { path, target } of this.#links) {
      await Deno.symlink(target, `${this.#folder}/${path}`);
    }
  }

  async abort(): Promise<void> {
    this.#stream.destroy();
    await this.#written;
  }

  #throwFailure(): void {
    if (this.#failure === null) return;
    const { error } = this.#failure;
    if (error instanceof CodedError) throw error;
    throw new TransferError("Cannot download: what the sandbox sent cannot be read or written", {
      cause: error,
    });
  }

  async #writeAll(): Promise<void> {
    for await (const entry of this.#stream) {
      const header = entry.header as Header;
      this.#entries += 1;
      const action = this.#checker.check({
        name: header.name,
        type: header.type ?? "",
        size: header.size ?? 0,
        mode: header.mode ?? 0o644,
        linkname: header.linkname ?? "",
      });
      this.#allowed += (header.size ?? 0) + DOWNLOAD_HEADER_BYTES_MAX;
      await this.#perform(action, entry as AsyncIterable<Uint8Array>);
    }
  }

  async #perform(action: EntryAction, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = `${this.#folder}/${action.path}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (action.kind === "folder") await Deno.mkdir(path, { recursive: true });
    if (action.kind === "link") this.#links.push(action);
    if (action.kind === "copy") await Deno.copyFile(`${this.#folder}/${action.from}`, path);
    if (action.kind === "file") return await writeFile(path, action.mode, content);
    for await (const _ of content) { /* Only a file has content; the next entry waits for it. */ }
  }
}

async function writeFile(
  path: string,
  mode: number,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  // The folder is private until all is there, and the mask of the person applies.
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  }
}
