import assert from "node:assert/strict";
import { HOST_ADDRESSES_MAX } from "../../../proto/egress_limits.ts";
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

Deno.test("HostResolver does not wait for ever, and keeps the place of what goes on", async () => {
  const first = Promise.withResolvers<readonly string[]>();
  const asked: string[] = [];
  const resolver = new HostResolver({
    lookup: (host) => {
      asked.push(host);
      return host === "slow.example" ? first.promise : Promise.resolve(ADDRESSES);
    },
    msMax: 5,
    atOnceMax: 1,
  });
  const late = await resolver.resolve("slow.example");
  assert.match(late.ok ? "" : late.detail, /in time/);
  const next = await resolver.resolve("next.example");
  assert.match(next.ok ? "" : next.detail, /in time/);
  assert.deepEqual(asked, ["slow.example"]);
  first.resolve(ADDRESSES);
  assert.ok((await resolver.resolve("third.example")).ok);
  assert.deepEqual(asked, ["slow.example", "next.example", "third.example"]);
});

Deno.test("HostResolver reads the machine's hosts file", async () => {
  const resolution = await new HostResolver().resolve("localhost");
  assert.ok(resolution.ok && resolution.addresses.some((address) => address === "127.0.0.1"));
});
