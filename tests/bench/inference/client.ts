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

interface Access {
  readonly base: string;
  readonly client: Deno.HttpClient;
}

/** Measures everything. */
export async function measure({ base, client }: Access): Promise<Measured> {
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
    const response = await ask({ stream: true, events, everyMs });
    let firstMs = 0;
    for await (const _ of response.body!) firstMs ||= performance.now() - began;
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

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

if (import.meta.main) {
  const [base = "", proxyPort, ca = ""] = Deno.args;
  const way = proxyPort === undefined
    ? {}
    : { proxy: { url: `http://127.0.0.1:${proxyPort}` }, caCerts: [ca] };
  using client = Deno.createHttpClient({ ...way, http2: false, poolMaxIdlePerHost: 1 });
  console.log(JSON.stringify(await measure({ base, client })));
}
