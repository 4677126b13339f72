/**
 * The program in a sandbox that asks its proxy for much, and writes what came of it as one line of
 * JSON.
 *
 * It stands alone, because it runs inside of a sandbox: no imports, one argument.
 *
 * @module
 */

/** What to do. */
export interface LoadPlan {
  /**
   * `mix`: connections of all kinds at a steady pace. `latency`: one inspected request after the
   * other. `requests`: as many inspected ones as go. `denials`: as many refused ones as go.
   * `connections`: opens many and leaves them.
   */
  readonly mode: "mix" | "latency" | "requests" | "denials" | "connections";
  readonly seconds: number;
  readonly connections: number;
  /** Requests of `mix`, of all connections together. */
  readonly perSecond: number;
}

/** What came of it. */
export interface LoadResult {
  readonly allowed: number;
  readonly denied: number;
  /** Connections that ended when they should not have, with an example. */
  readonly failed: number;
  readonly failure: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const PROXY = { hostname: "127.0.0.1", port: 3128 } as const;
const CA_FILE = "/run/openshell/tls/openshell-ca.pem";
const INSPECTED = "keep.example.com:443";
const OPAQUE = "api.example.com:8080";
const FORBIDDEN = "other.example.com:443";

/** Requests on one connection, before it makes way for a new one. */
const REQUESTS_MAX = 100;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

class Counts {
  allowed = 0;
  denied = 0;
  failed = 0;
  failure = "";
  readonly samplesMs: number[] = [];

  result(): LoadResult {
    const { allowed, denied, failed, failure, samplesMs } = this;
    const sorted = samplesMs.toSorted((a, b) => a - b);
    const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
    return { allowed, denied, failed, failure, p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}

/** One connection to the proxy, or through it. */
class Client {
  readonly #connection: Deno.Conn;
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Returns the status of the answer; its body is read to the end. */
  async ask(method: string, path: string, host: string): Promise<number> {
    const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, "Content-Length: 0", "", ""];
    await writeAll(this.#connection, ENCODER.encode(lines.join("\r\n")));
    return await this.readAnswer();
  }

  async readAnswer(): Promise<number> {
    let filled = 0;
    for (;;) {
      const count = await this.#connection.read(this.#buffer.subarray(filled));
      if (count === null) throw new Error("the connection has ended");
      filled += count;
      const head = DECODER.decode(this.#buffer.subarray(0, filled));
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) continue;
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      while (filled < end + 4 + length) {
        const more = await this.#connection.read(this.#buffer);
        if (more === null) throw new Error("the answer was cut off");
        filled += more;
      }
      return status;
    }
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // It was closed by its failure.
    }
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Returns the connection, and what the proxy said. */
async function openTunnel(target: string) {
  const socket = await Deno.connect(PROXY);
  socket.setNoDelay(true);
  const client = new Client(socket);
  await writeAll(socket, ENCODER.encode(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`));
  return { socket, client, status: await client.readAnswer() };
}

async function openInspected(caFile = CA_FILE): Promise<Client> {
  const { socket, status } = await openTunnel(INSPECTED);
  if (status !== 200) throw new Error(`the proxy said ${status}`);
  const secure = await Deno.startTls(socket, {
    hostname: INSPECTED.split(":")[0]!,
    caCerts: [await Deno.readTextFile(caFile)],
    alpnProtocols: ["http/1.1"],
  });
  await secure.handshake();
  return new Client(secure);
}

async function openOpaque(): Promise<Client> {
  const { client, status } = await openTunnel(OPAQUE);
  if (status !== 200) throw new Error(`the proxy said ${status}`);
  return client;
}

/** Returns whether it was refused as it should be. */
async function isRefused(): Promise<boolean> {
  const { client, status } = await openTunnel(FORBIDDEN);
  client.close();
  return status === 403;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Does something again and again until the time is over; a failure is counted. */
async function repeat(
  plan: LoadPlan,
  counts: Counts,
  once: (round: number) => Promise<void>,
): Promise<void> {
  const end = performance.now() + plan.seconds * 1000;
  for (let round = 0; performance.now() < end; round++) {
    try {
      await once(round);
    } catch (error) {
      counts.failed++;
      counts.failure = (error as Error).message;
      await sleep(100);
    }
  }
}

/** Half of the connections are inspected, three tenths opaque, the others are refused. */
async function mixed(plan: LoadPlan, counts: Counts, index: number): Promise<void> {
  const pauseMs = plan.connections / plan.perSecond * 1000;
  await sleep(pauseMs * index / plan.connections);
  const kind = index % 10;
  if (kind >= 8) {
    return await repeat(plan, counts, async () => {
      if (!await isRefused()) throw new Error("a forbidden host was not refused");
      counts.denied++;
      await sleep(pauseMs);
    });
  }
  const open = kind < 5 ? openInspected : openOpaque;
  const host = (kind < 5 ? INSPECTED : OPAQUE).split(":")[0]!;
  let client: Client | null = null;
  await repeat(plan, counts, async (round) => {
    try {
      client ??= await open();
      // A refused request in between, each with a path of its own.
      const isForbidden = kind < 5 && round % 10 === 9;
      const path = isForbidden ? `/forbidden-${index}-${round}` : "/always";
      const status = await client.ask(isForbidden ? "POST" : "GET", path, host);
      if (status !== (isForbidden ? 403 : 200)) throw new Error(`${path} was ${status}`);
      if (isForbidden) counts.denied++;
      else counts.allowed++;
      if (isForbidden || round % REQUESTS_MAX === REQUESTS_MAX - 1) {
        client.close();
        client = null;
      }
    } catch (error) {
      client?.close();
      client = null;
      throw error;
    }
    await sleep(pauseMs);
  });
  client = client as Client | null;
  client?.close();
}

async function latency(plan: LoadPlan, counts: Counts): Promise<void> {
  const client = await openInspected();
  for (let warm = 0; warm < 50; warm++) await client.ask("GET", "/always", "keep.example.com");
  await repeat(plan, counts, async () => {
    const start = performance.now();
    await client.ask("GET", "/always", "keep.example.com");
    counts.samplesMs.push(performance.now() - start);
    counts.allowed++;
    await sleep(2);
  });
  client.close();
}

async function requests(plan: LoadPlan, counts: Counts): Promise<void> {
  const client = await openInspected();
  await repeat(plan, counts, async () => {
    await client.ask("GET", "/always", "keep.example.com");
    counts.allowed++;
  });
  client.close();
}

async function denials(plan: LoadPlan, counts: Counts): Promise<void> {
  await repeat(plan, counts, async () => {
    if (!await isRefused()) throw new Error("a forbidden host was not refused");
    counts.denied++;
  });
}

async function connections(plan: LoadPlan, counts: Counts): Promise<void> {
  const client = await openOpaque();
  counts.allowed++;
  await sleep(plan.seconds * 1000);
  client.close();
}

async function main(plan: LoadPlan): Promise<LoadResult> {
  const counts = new Counts();
  const workers = { mix: mixed, latency, requests, denials, connections };
  const count = plan.mode === "latency" ? 1 : plan.connections;
  const work = Array.from({ length: count }, async (_, index) => {
    try {
      await workers[plan.mode](plan, counts, index);
    } catch (error) {
      counts.failed++;
      counts.failure = (error as Error).message;
    }
  });
  await Promise.all(work);
  return counts.result();
}

if (import.meta.main) console.log(JSON.stringify(await main(JSON.parse(Deno.args[0]!))));
