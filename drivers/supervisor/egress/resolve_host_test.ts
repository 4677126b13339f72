import assert from "node:assert/strict";
import { HOST_ADDRESSES_MAX, RESOLVES_HANGING_OF_HOST_MAX } from "../../../proto/egress_limits.ts";
import { HostResolver } from "./resolve_host.ts";

const ADDRESSES = ["93.184.216.34", "2606:2800:220:1::1"];

function neverAsked(): Promise<never> {
  assert.fail("A name server was asked");
}

Deno.test.each(["192.0.2.1", "2001:db8::1"])("HostResolver does not ask for %s", async (host) => {
  const resolver = new HostResolver({ lookup: neverAsked });
  assert.deepEqual(await resolver.resolve(host), { ok: true, addresses: [host] });
});

Deno.test("HostResolver gives all addresses, once each, in their order", async () => {
  const lookup = () => Promise.resolve([...ADDRESSES, ADDRESSES[0]!]);
  const resolution = await new HostResolver({ lookup }).resolve("a.example");
  assert.deepEqual(resolution, { ok: true, addresses: ADDRESSES });
});

const failure = Object.assign(new Error("queryA 10.0.0.1 secret"), { code: "ENOTFOUND" });
const many = Array.from({ length: HOST_ADDRESSES_MAX + 1 }, (_, index) => `192.0.2.${index}`);

Deno.test.each([
  {
    name: "a failure",
    found: failure,
    want: /^The host cannot be resolved \(ENOTFOUND\)$/,
  },
  { name: "no address", found: [], want: /no address/ },
  { name: "a name", found: ["b.example"], want: /cannot be read/ },
  { name: "too many addresses", found: many, want: /more than 64 addresses/ },
])("HostResolver says why there is nothing: $name", async ({ found, want }) => {
  const lookup = () => found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  const resolution = await new HostResolver({ lookup }).resolve("a.example");
  assert.match(resolution.ok ? "" : resolution.detail, want);
});

/** A lookup of a host that hangs until it is answered, and at once of any other. */
function hangingLookup() {
  const asked: string[] = [];
  const answers: PromiseWithResolvers<readonly string[]>[] = [];
  return {
    asked,
    lookup(host: string): Promise<readonly string[]> {
      asked.push(host);
      if (!host.startsWith("slow")) return Promise.resolve(ADDRESSES);
      const answer = Promise.withResolvers<readonly string[]>();
      answers.push(answer);
      return answer.promise;
    },
    answerAll: () => answers.splice(0).forEach(({ resolve }) => resolve(ADDRESSES)),
  };
}

function detailOf(resolution: Awaited<ReturnType<HostResolver["resolve"]>>): string {
  return resolution.ok ? "" : resolution.detail;
}

Deno.test("HostResolver asks once for all who want a host at the same time", async () => {
  const { asked, lookup, answerAll } = hangingLookup();
  const resolver = new HostResolver({ lookup, atOnceMax: 2 });
  const all = Array.from({ length: 50 }, () => resolver.resolve("slow.example"));
  assert.ok((await resolver.resolve("next.example")).ok);
  answerAll();
  assert.ok((await Promise.all(all)).every(({ ok }) => ok));
  assert.deepEqual(asked, ["slow.example", "next.example"]);
});

Deno.test("HostResolver gives the place of a lookup that hangs to others", async () => {
  const { asked, lookup, answerAll } = hangingLookup();
  const resolver = new HostResolver({ lookup, msMax: 20, atOnceMax: 1 });
  for (let round = 0; round < RESOLVES_HANGING_OF_HOST_MAX; round++) {
    assert.match(detailOf(await resolver.resolve("slow.example")), /in time/);
  }
  assert.match(detailOf(await resolver.resolve("slow.example")), /still hang/);
  assert.ok((await resolver.resolve("next.example")).ok);
  assert.equal(asked.length, RESOLVES_HANGING_OF_HOST_MAX + 1);
  answerAll();
  // They have ended, so that the host may be asked for again.
  await new Promise((resolve) => setTimeout(resolve));
  const again = resolver.resolve("slow.example");
  answerAll();
  assert.ok((await again).ok);
});

Deno.test("HostResolver bounds what hangs, and never asks for what nobody waits for", async () => {
  const { asked, lookup, answerAll } = hangingLookup();
  const resolver = new HostResolver({ lookup, msMax: 5, atOnceMax: 1, hangingMax: 1 });
  assert.match(detailOf(await resolver.resolve("slow.example")), /in time/);
  assert.match(detailOf(await resolver.resolve("next.example")), /in time/);
  answerAll();
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok((await resolver.resolve("third.example")).ok);
  assert.deepEqual(asked, ["slow.example", "third.example"]);
});

Deno.test("HostResolver reads the machine's hosts file", async () => {
  const resolution = await new HostResolver().resolve("localhost");
  assert.ok(resolution.ok && resolution.addresses.some((address) => address === "127.0.0.1"));
});
