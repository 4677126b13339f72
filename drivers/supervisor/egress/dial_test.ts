import assert from "node:assert/strict";
import { dial, type DialOptions } from "./dial.ts";

type Connect = NonNullable<DialOptions["connect"]>;

function connectBy(
  answers: Readonly<Record<string, Error | "hangs">>,
  tried: string[],
): Connect {
  const connect = ({ hostname, signal }: Deno.ConnectOptions & { signal?: AbortSignal }) => {
    tried.push(hostname ?? "");
    const answer = answers[hostname ?? ""];
    if (answer instanceof Error) return Promise.reject(answer);
    if (answer === undefined) return Promise.resolve({ setNoDelay: () => {}, close: () => {} });
    return new Promise((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason))
    );
  };
  return connect as unknown as Connect;
}

const SIGNAL = new AbortController().signal;
const refused = new Deno.errors.ConnectionRefused("no");
const unreachable = new Error("Network is unreachable (os error 101)");
const A = "192.0.2.1";
const B = "2001:db8::1";

Deno.test.each([
  { name: "takes the first", answers: {}, want: A },
  { name: "goes on after a refusal", answers: { [A]: refused }, want: B },
  { name: "goes on after silence", answers: { [A]: "hangs" as const }, want: B },
])("dial() $name", async ({ answers, want }) => {
  const tried: string[] = [];
  const options = { connect: connectBy(answers, tried), addressMsMax: 5 };
  const { address } = await dial({ addresses: [A, B], port: 1, signal: SIGNAL }, options);
  assert.equal(address, want);
  assert.deepEqual(tried, want === A ? [A] : [A, B]);
});

Deno.test.each([
  { name: "nothing listens", addresses: [A], answers: { [A]: refused }, want: "refused" },
  { name: "there is no way", addresses: [A], answers: { [A]: unreachable }, want: "unreachable" },
  { name: "nobody answers", addresses: [A], answers: { [A]: "hangs" as const }, want: "timeout" },
  { name: "there is no address", addresses: [], answers: {}, want: "no_address" },
  { name: "an address is a name", addresses: ["a.example"], answers: {}, want: "no_address" },
])("dial() fails where $name", async ({ addresses, answers, want }) => {
  const tried: string[] = [];
  const options = { connect: connectBy(answers, tried), msMax: 5 };
  await assert.rejects(dial({ addresses, port: 1, signal: SIGNAL }, options), {
    name: "DialError",
    problem: want,
  });
  assert.ok(!tried.includes("a.example"));
});

Deno.test("dial() stops when it is not wanted any more", async () => {
  const controller = new AbortController();
  const tried: string[] = [];
  const connect = connectBy({ [A]: "hangs" }, tried);
  const dialling = dial({ addresses: [A, B], port: 1, signal: controller.signal }, { connect });
  controller.abort();
  await assert.rejects(dialling, { name: "DialError", problem: "aborted" });
  assert.deepEqual(tried, [A]);
});

Deno.test("dial() connects for real", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { connection, address } = await dial({ addresses: ["127.0.0.1"], port, signal: SIGNAL });
  using _accepted = await listener.accept();
  assert.equal(address, "127.0.0.1");
  connection.close();
});
