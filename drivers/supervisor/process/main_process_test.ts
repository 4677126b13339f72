import assert from "node:assert/strict";
import { FakeJailProcess, FakePerson } from "./fake_jail_process.ts";
import { MainProcess } from "./main_process.ts";

const OWNER = { readOnly: false, size: null };

/** Lets everything run that can. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("MainProcess replays what was printed, follows, and gives the exit code", async () => {
  const process = new FakeJailProcess();
  const main = new MainProcess(process);
  process.print("before");
  await settle();
  const person = new FakePerson();
  const attached = main.attach(person, OWNER);
  await settle();
  process.print("after");
  await settle();
  process.end(7);
  await attached;
  assert.deepEqual(person.seen, ["stdout before", "stdout after", "exit 7"]);
  assert.equal(await main.exited, 7);
  await main.delivered;
  person.leave();
});

Deno.test("MainProcess gives output and exit code to who attaches after the end", async () => {
  const process = new FakeJailProcess();
  const main = new MainProcess(process);
  process.print("hi");
  process.end(0);
  await main.exited;
  const person = new FakePerson();
  await main.attach(person, OWNER);
  assert.deepEqual(person.seen, ["stdout hi", "exit 0"]);
  person.leave();
});

Deno.test("MainProcess lets one person alone give input, and tells the others", async () => {
  const process = new FakeJailProcess();
  const main = new MainProcess(process);
  const [first, second] = [new FakePerson(), new FakePerson()];
  const one = main.attach(first, { readOnly: false, size: { cols: 100, rows: 30 } });
  const two = main.attach(second, OWNER);
  await settle();
  const bytes = new TextEncoder().encode("x");
  second.say({ kind: "stdin", bytes });
  second.say({ kind: "signal", name: "KILL" });
  first.say({ kind: "stdin", bytes });
  first.say({ kind: "signal", name: "INT" });
  await settle();
  assert.deepEqual(process.done, ["resize 100x30", "write x", "signal SIGINT"]);
  assert.match(second.seen[0]!, /already has an input owner/);
  first.leave();
  second.leave();
  await Promise.all([one, two]);
  process.end(0);
  await main.exited;
});

Deno.test("MainProcess gives the input to the next person when the owner has left", async () => {
  const process = new FakeJailProcess();
  const main = new MainProcess(process);
  const first = new FakePerson();
  const one = main.attach(first, OWNER);
  await settle();
  first.leave();
  await one;
  const second = new FakePerson();
  const two = main.attach(second, OWNER);
  second.say({ kind: "end_input" });
  await settle();
  assert.deepEqual(process.done, ["end input"]);
  second.leave();
  await two;
  process.end(0);
  await main.exited;
});

Deno.test("MainProcess lets nobody write who asked to watch", async () => {
  const process = new FakeJailProcess();
  const main = new MainProcess(process);
  const person = new FakePerson();
  const attached = main.attach(person, { readOnly: true, size: { cols: 10, rows: 10 } });
  person.say({ kind: "end_input" });
  await settle();
  assert.deepEqual(process.done, []);
  person.leave();
  await attached;
  process.end(0);
  await main.exited;
});

Deno.test("MainProcess cuts older output off, and says so", async () => {
  const process = new FakeJailProcess();
  const main = new MainProcess(process);
  const half = "x".repeat(600 * 1024);
  process.print(half);
  process.print("newest");
  process.print(half);
  await settle();
  const person = new FakePerson();
  const attached = main.attach(person, OWNER);
  await settle();
  assert.equal(person.seen[0], "notice older output is no longer there");
  assert.equal(person.seen[1], "stdout newest");
  person.leave();
  await attached;
  process.end(0);
  await main.exited;
});

Deno.test("MainProcess ends with its program, whoever else holds the outputs", async () => {
  const process = new FakeJailProcess();
  const main = new MainProcess(process);
  process.print("last");
  process.endAlone(3);
  assert.equal(await main.exited, 3);
  const person = new FakePerson();
  await main.attach(person, OWNER);
  assert.deepEqual(person.seen, ["stdout last", "exit 3"]);
  person.leave();
});

Deno.test("MainProcess lets who waits know that its jail has ended", async () => {
  const process = new FakeJailProcess();
  const main = new MainProcess(process);
  process.vanish();
  await assert.rejects(main.exited, /ended/);
});
