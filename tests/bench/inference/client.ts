/**
 * The client of the benchmark: `client.ts BASE_URL [PROXY_PORT CA]`. Prints what it measured as JSON.
 *
 * @module
 */

export interface Measured {
  readonly "call, median ms": number;
  readonly "call, 95 % ms": number;
  readonly "first byte, 1 stream, median ms": number;
  readonly "first byte, 200 streams, median ms": number;
  readonly "events/s, 1 stream": number;
  readonly "events/s, 200 streams": number;
}

/** How the server is reached: directly, or through the proxy by TLS. */
interface Way {
  readonly base: string;
  readonly host: string;
  readonly port: number;
  readonly ca: string | null;
  readonly client: Deno.HttpClient;
}

/** Measures everything. */
export async function measure(way: Way): Promise<Measured> {
  const { base, client } = way;
  const ask = (more: object) =>
    fetch(`${base}/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], ...more }),
      client,
    });
  for (let i = 0; i < 50; i += 1) await (await ask({})).text();
  const calls: number[] = [];
  for (let i = 0; i < 300; i += 1) {
    const began = performance.now();
    await (await ask({})).text();
    calls.push(performance.now() - began);
  }
  const read = async (events: number, everyMs: number) => {
    const began = performance.now();
    using connection = await connect(way);
    const body = JSON.stringify({ model: "m", stream: true, events, everyMs });
    const head =
      `POST /v1/chat/completions HTTP/1.1\r\nHost: ${way.host}\r\nConnection: close\r\n` +
      `Content-Length: ${body.length}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head + body));
    const buffer = new Uint8Array(64 * 1024);
    let firstMs = 0;
    while (await connection.read(buffer).catch(() => null) !== null) {
      firstMs ||= performance.now() - began;
    }
    return firstMs;
  };
  const firsts: number[] = [];
  for (let i = 0; i < 40; i += 1) firsts.push(await read(2, 5));
  const oneBegan = performance.now();
  await read(20_000, 0);
  const one = 20_000 / (performance.now() - oneBegan) * 1000;
  const manyBegan = performance.now();
  const many = await Promise.all(Array.from({ length: 200 }, () => read(100, 20)));
  const rate = 200 * 100 / (performance.now() - manyBegan) * 1000;
  return {
    "call, median ms": quantile(calls, 0.5),
    "call, 95 % ms": quantile(calls, 0.95),
    "first byte, 1 stream, median ms": quantile(firsts, 0.5),
    "first byte, 200 streams, median ms": quantile(many, 0.5),
    "events/s, 1 stream": one,
    "events/s, 200 streams": rate,
  };
}

/** A connection of its own for a stream: what a client's pool does is not measured. */
async function connect({ host, port, ca }: Way): Promise<Deno.Conn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  if (ca === null) return connection;
  const request = `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  await connection.read(new Uint8Array(256));
  return await Deno.startTls(connection, { hostname: host, caCerts: [ca] });
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

if (import.meta.main) {
  const [base = "", proxyPort, ca = ""] = Deno.args;
  const { hostname, port } = new URL(base);
  const own = proxyPort === undefined
    ? {}
    : { proxy: { url: `http://127.0.0.1:${proxyPort}` }, caCerts: [ca] };
  using client = Deno.createHttpClient({ ...own, http2: false, poolMaxIdlePerHost: 1 });
  const place = { host: hostname, port: Number(proxyPort ?? port) };
  console.log(
    JSON.stringify(
      await measure({ base, client, ...place, ca: proxyPort === undefined ? null : ca }),
    ),
  );
}
