/**
 * Puts load on a server, by a proxy or not, and prints what it measured as one line of JSON.
 *
 * It stands alone, because it also runs inside of a sandbox: no imports, one argument.
 *
 * @module
 */

/** What to do. */
export interface Load {
  /**
   * `latency`: one request after the other on one connection. `connect`: each on a new connection.
   * `requests`: many connections at once. `bulk`: one large answer.
   */
  readonly mode: "latency" | "connect" | "requests" | "bulk";
  /** Where the connection goes: the server, or the proxy. */
  readonly hostname: string;
  readonly port: number;
  /** `host:port` to ask a proxy for; `null` connects to the server itself. */
  readonly connect: string | null;
  /** The proxy and its credentials are those that the environment names, as for any program. */
  readonly isProxyFromEnvironment?: boolean;
  /**
   * TLS to the server, whose certificate this is trusted for; `null` is plain. An empty file name
   * stands for what the environment names.
   */
  readonly tls: { readonly serverName: string; readonly caFile: string } | null;
  readonly host: string;
  readonly path: string;
  /** Requests of `latency` and `connect`, downloads of `bulk`. */
  readonly count: number;
  /** Of `requests`. */
  readonly connections: number;
  readonly seconds: number;
}

/** What it came to: those that the mode has. */
export interface Measured {
  readonly p50Us?: number;
  readonly p95Us?: number;
  readonly perSecond?: number;
  /** Best and median of the downloads. */
  readonly bestMBs?: number;
  readonly medianMBs?: number;
}

const BUFFER_BYTES = 256 * 1024;
const WARM_UP = 50;
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** One connection, and the answers on it. */
class Client {
  readonly #connection: Deno.Conn;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #request: Uint8Array;

  private constructor(connection: Deno.Conn, load: Load) {
    this.#connection = connection;
    this.#request = ENCODER.encode(
      `GET ${load.path} HTTP/1.1\r\nHost: ${load.host}\r\nUser-Agent: load\r\n\r\n`,
    );
  }

  static async open(load: Load): Promise<Client> {
    const proxy = load.isProxyFromEnvironment === true ? environmentProxy() : null;
    const { hostname, port } = proxy ?? load;
    const socket = await Deno.connect({ hostname, port });
    socket.setNoDelay(true);
    if (load.connect !== null) await tunnel(socket, load.connect, proxy?.authorization ?? "");
    if (load.tls === null) return new Client(socket, load);
    const secure = await Deno.startTls(socket, {
      hostname: load.tls.serverName,
      caCerts: [
        await Deno.readTextFile(load.tls.caFile || (Deno.env.get("SSL_CERT_FILE") ?? "")),
      ],
      alpnProtocols: ["http/1.1"],
    });
    await secure.handshake();
    return new Client(secure, load);
  }

  /** Asks once, and returns the bytes of the body. */
  async ask(): Promise<number> {
    for (let at = 0; at < this.#request.length;) {
      at += await this.#connection.write(this.#request.subarray(at));
    }
    let filled = 0;
    for (;;) {
      const count = await this.#connection.read(this.#buffer.subarray(filled));
      if (count === null) throw new Error("Cannot read an answer: the connection has ended");
      filled += count;
      const head = DECODER.decode(this.#buffer.subarray(0, Math.min(filled, 4096)));
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) continue;
      if (!head.startsWith("HTTP/1.1 200")) throw new Error(`Cannot measure: ${head}`);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      await this.#skip(end + 4 + length - filled);
      return length;
    }
  }

  close(): void {
    this.#connection.close();
  }

  async #skip(bytes: number): Promise<void> {
    for (let left = bytes; left > 0;) {
      const count = await this.#connection.read(this.#buffer);
      if (count === null) throw new Error("Cannot read an answer: it was cut off");
      left -= count;
    }
  }
}

interface Proxy {
  readonly hostname: string;
  readonly port: number;
  /** Lines of a head, or none. */
  readonly authorization: string;
}

function environmentProxy(): Proxy {
  const { hostname, port, username, password } = new URL(Deno.env.get("HTTPS_PROXY") ?? "");
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username === ""
    ? ""
    : `Proxy-Authorization: Basic ${btoa(credentials)}\r\n`;
  return { hostname, port: Number(port), authorization };
}

async function tunnel(socket: Deno.Conn, target: string, lines: string): Promise<void> {
  const head = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${lines}\r\n`;
  await socket.write(ENCODER.encode(head));
  const buffer = new Uint8Array(4096);
  let answer = "";
  while (!answer.includes("\r\n\r\n")) {
    const count = await socket.read(buffer);
    if (count === null) break;
    answer += DECODER.decode(buffer.subarray(0, count));
  }
  if (!/^HTTP\/1\.\d 200/.test(answer)) throw new Error(`Cannot measure: the proxy said ${answer}`);
}

async function measure(load: Load): Promise<Measured> {
  switch (load.mode) {
    case "latency": {
      const client = await Client.open(load);
      for (let i = 0; i < WARM_UP; i++) await client.ask();
      const samples = await timeEach(load.count, () => client.ask());
      client.close();
      return percentiles(samples);
    }
    case "connect": {
      const once = async () => {
        const client = await Client.open(load);
        await client.ask();
        client.close();
      };
      for (let i = 0; i < 10; i++) await once();
      return percentiles(await timeEach(load.count, once));
    }
    case "requests":
      return { perSecond: await requestsPerSecond(load) };
    case "bulk": {
      const rates: number[] = [];
      for (let i = 0; i < load.count; i++) {
        const client = await Client.open(load);
        const start = performance.now();
        const bytes = await client.ask();
        rates.push(bytes / 1000 / (performance.now() - start));
        client.close();
      }
      rates.sort((a, b) => a - b);
      return { bestMBs: rates.at(-1)!, medianMBs: rates[rates.length >> 1]! };
    }
  }
}

async function requestsPerSecond(load: Load): Promise<number> {
  const clients = await Promise.all(
    Array.from({ length: load.connections }, () => Client.open(load)),
  );
  await Promise.all(clients.map((client) => client.ask()));
  const start = performance.now();
  const end = start + load.seconds * 1000;
  let done = 0;
  await Promise.all(clients.map(async (client) => {
    while (performance.now() < end) {
      await client.ask();
      done++;
    }
  }));
  const seconds = (performance.now() - start) / 1000;
  for (const client of clients) client.close();
  return done / seconds;
}

async function timeEach(count: number, once: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await once();
    samples.push((performance.now() - start) * 1000);
  }
  return samples;
}

function percentiles(samples: readonly number[]): Measured {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    p50Us: sorted[sorted.length >> 1]!,
    p95Us: sorted[Math.floor(sorted.length * 0.95)]!,
  };
}

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(Deno.args[0]!))));
