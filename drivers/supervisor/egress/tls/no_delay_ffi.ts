/**
 * Turns off Nagle's algorithm for what a TLS listener accepts, which Deno has no call for.
 *
 * Without it the second of two small writes waits some 40 ms for the other end of the hop: each
 * answer whose head and body arrive apart, and each token of a stream. Accepted sockets inherit the
 * option from the one that listens. Its descriptor is not told either; but the kernel gives the
 * lowest free number, so it is known beforehand, and checked by the address behind it.
 *
 * Only speed depends on this: a listener that was not found is used as it is.
 *
 * @module
 */

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
} as const;

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 0x80001;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const ADDRESS_BYTES = 128;

/** Other threads may take the lowest number first: as many further ones are looked at. */
const NUMBERS_TRIED = 16;

/** Knows the calls of libc. Kept for as long as listeners are made. */
export class NoDelay {
  readonly #library = Deno.dlopen("libc.so.6", SYMBOLS);

  /** Makes a listener with the function, and returns it with the option set, or as it is. */
  listen<T extends Deno.Listener<Deno.TcpConn> | Deno.TlsListener>(make: () => T): T {
    const { socket, close } = this.#library.symbols;
    const number = socket(AF_INET, SOCK_STREAM_CLOEXEC, 0);
    if (number >= 0) close(number);
    const listener = make();
    const { port } = listener.addr as Deno.NetAddr;
    for (let tried = 0; number >= 0 && tried < NUMBERS_TRIED; tried += 1) {
      if (this.#portOf(number + tried) === port) {
        this.#setNoDelay(number + tried);
        break;
      }
    }
    return listener;
  }

  close(): void {
    this.#library.close();
  }

  /** Returns the port that a descriptor is bound to, or `null` when it is no such socket. */
  #portOf(descriptor: number): number | null {
    const address = new Uint8Array(ADDRESS_BYTES);
    const length = new Uint8Array(Uint32Array.of(ADDRESS_BYTES).buffer);
    if (this.#library.symbols.getsockname(descriptor, address, length) !== 0) return null;
    const [family] = new Uint16Array(address.buffer);
    return family === AF_INET ? address[2]! * 256 + address[3]! : null;
  }

  #setNoDelay(descriptor: number): void {
    const on = new Uint8Array(Int32Array.of(1).buffer);
    this.#library.symbols.setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, on, on.length);
  }
}
