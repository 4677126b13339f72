/**
 * Writes a tar archive that is the same bytes for the same files.
 *
 * @module
 */

/** One regular file of an archive. */
export interface TarFile {
  /** Name without folders, ASCII, at most 100 bytes. */
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  readonly bytes: Uint8Array;
}

/** Unit of a tar archive, in bytes. */
const BLOCK_BYTES = 512;

/** Time of every file, in seconds since 1970: older than any seal. */
const MODIFIED_SECONDS = 1;

/** Returns a ustar archive of the files, in their order. Owner and time are fixed. */
export function createTar(files: readonly TarFile[]): Uint8Array<ArrayBuffer> {
  const total = files.reduce((sum, file) => sum + BLOCK_BYTES + padded(file.bytes.length), 0);
  const archive = new Uint8Array(total + 2 * BLOCK_BYTES);
  let offset = 0;
  for (const file of files) {
    archive.set(header(file), offset);
    archive.set(file.bytes, offset + BLOCK_BYTES);
    offset += BLOCK_BYTES + padded(file.bytes.length);
  }
  return archive;
}

function header({ name, mode, bytes }: TarFile): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
  put(name, 0);
  put(octal(mode, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(bytes.length, 11), 124);
  put(octal(MODIFIED_SECONDS, 11), 136);
  put(" ".repeat(8), 148);
  put("0", 156);
  put("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\u0000 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function padded(length: number): number {
  return Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
}
