import assert from "node:assert/strict";
import { endpointOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { CallerIdentity } from "./identity/caller_identifier.ts";
import { clientHello, CURL, readText, send, withPipeline } from "./pipeline_fixture.ts";

const PLACE = "api.example.com:443";

function program(binary: string, ancestors: readonly string[] = []): CallerIdentity {
  const caller = { binary, ancestors };
  return { kind: "known", actor: { ...caller, pid: 4712 }, caller };
}

function unknown(code: "caller_ambiguous" | "owner_not_found"): CallerIdentity {
  return { kind: "unknown", code, detail: "It is not known" };
}

function ruleFor(key: string, path: string) {
  return { key, binaries: [{ path, descendants: false }] };
}

const OPAQUE = endpointOf({ protocol: "l4", allow: [] });
const INSPECTED = endpointOf({});

const REFUSED = [
  { name: "a program that no rule names", later: program("/tmp/x"), want: "binary_not_allowed" },
  { name: "several programs", later: unknown("caller_ambiguous"), want: "caller_ambiguous" },
  { name: "nobody", later: unknown("owner_not_found"), want: "caller_unknown" },
  { name: "a program of another rule", later: program("/usr/bin/b"), want: "caller_ambiguous" },
] as const;

for (const [handling, endpoint] of [["unread", OPAQUE], ["inspected", INSPECTED]] as const) {
  const rules = [
    ruleOf({ ...ruleFor("rule", "/usr/bin/curl"), endpoints: [endpoint] }),
    ruleOf({ ...ruleFor("other", "/usr/bin/b"), endpoints: [endpoint] }),
  ];

  Deno.test.each([...REFUSED])(
    `confirmCaller() lets nothing of $name through a tunnel that is ${handling}`,
    async ({ later, want }) => {
      await withPipeline({ rules, laterIdentity: later }, async (pipeline) => {
        const { client, server } = await pipeline.connect(PLACE);
        await send(client, clientHello("api.example.com"));
        assert.equal(await readText(client), "");
        assert.equal(await readText(server), "");
        const event = pipeline.events.at(-1);
        assert.ok(event?.kind === "connection" && event.outcome.kind === "denied");
        assert.equal(event.outcome.reason, want);
        const binary = later.kind === "known" ? later.actor.binary : undefined;
        assert.equal(event.actor?.binary, binary);
        assert.deepEqual(pipeline.tlsHosts, { terminated: [], connected: [] });
      });
    },
  );
}

Deno.test.each([
  { name: "the same program", later: CURL },
  { name: "the same program with another parent", later: program("/usr/bin/curl", ["/bin/x"]) },
  { name: "another program of the same rule", later: program("/usr/bin/wget") },
])("confirmCaller() lets $name go on", async ({ later }) => {
  const rules = [ruleOf({ ...ruleFor("rule", "/usr/bin/*"), endpoints: [OPAQUE] })];
  await withPipeline({ rules, laterIdentity: later }, async (pipeline) => {
    const { client, server } = await pipeline.connect(PLACE);
    await send(client, "hello");
    await client.closeWrite();
    assert.equal(await readText(server), "hello");
    assert.equal(pipeline.events.length, 1);
    client.close();
  });
});
