import assert from "node:assert/strict";
import { HAS_BASH, HAS_PERL, jailTest, MISSING, withJail } from "./jail_fixture.ts";
import type { Jail, JailProcess } from "./jail.ts";
import { encodeWindowSize } from "./open_terminal.ts";

const NEEDS_BASH = MISSING ?? (HAS_BASH ? null : "needs bash");
const SIZE = { cols: 100, rows: 30 };
const PATH = "/usr/bin:/bin";

/** A program on a terminal, and all that it has shown so far. */
class Screen {
  shown = "";
  readonly done: Promise<void>;
  #look: () => void = () => {};

  constructor(readonly process: JailProcess) {
    this.done = this.#read();
  }

  async until(text: string | RegExp): Promise<void> {
    const isThere = () =>
      typeof text === "string" ? this.shown.includes(text) : text.test(this.shown);
    while (!isThere()) {
      await Promise.race([
        new Promise<void>((resolve) => void (this.#look = resolve)),
        this.done.then(() => assert.ok(isThere(), JSON.stringify(this.shown))),
      ]);
    }
  }

  type(text: string): Promise<void> {
    return this.process.write(new TextEncoder().encode(text));
  }

  async end(): Promise<number> {
    const { code } = await this.process.wait();
    await this.done;
    return code;
  }

  async #read(): Promise<void> {
    for await (const text of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      this.shown += text;
      this.#look();
    }
  }
}

async function show(jail: Jail, ...argv: readonly [string, ...string[]]): Promise<Screen> {
  const env = { PATH, TERM: "xterm", PS1: "ready> " };
  const command = { argv, env, cwd: "/sandbox", stdin: "piped", terminal: SIZE } as const;
  const process = await jail.spawn(command);
  assert.equal(await new Response(process.stderr).text(), "");
  return new Screen(process);
}

jailTest(
  "Jail.spawn() with a terminal makes it the program's own",
  () =>
    withJail(async ({ jail }) => {
      const script = `tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all
      ls -l $(tty) | cut -d' ' -f1,3; echo to the terminal > /dev/tty; echo wrong >&2; exit 3`;
      const screen = await show(jail, "/bin/sh", "-c", script);
      assert.equal(await screen.end(), 3);
      const mode = "crw--w----";
      const wanted = ["/dev/pts/0", "30 100", "all", mode, "to the terminal", "wrong", ""];
      assert.equal(screen.shown.replace(/^(crw--w----) \S+/m, "$1"), wanted.join("\r\n"));
    }),
);

jailTest(
  "Jail.spawn() with a terminal gives job control, ^C and the end of input",
  () =>
    withJail(async ({ jail }) => {
      const screen = await show(jail, "/bin/bash", "--norc", "--noprofile", "-i");
      await screen.until("ready> ");
      assert.doesNotMatch(screen.shown, /no job control/);
      await screen.type("sleep 1000\n");
      await untilForeground(screen.process.pid, "sleep");
      await screen.type("\x03");
      await untilForeground(screen.process.pid, "bash");
      await screen.type("sleep 1000 & jobs; kill %1; wait; echo CO''DE $?\n");
      await screen.until("Running");
      await screen.until(/CODE \d+\r\n[^]*ready> $/);
      await screen.process.endInput();
      await screen.end();
      assert.match(screen.shown, /exit\r\n$/);
    }),
  NEEDS_BASH,
);

jailTest("JailProcess.resize() tells the program", () =>
  withJail(async ({ jail }) => {
    const script = `trap 'stty size; exit 0' WINCH; echo waiting; while :; do sleep 0.05; done`;
    const screen = await show(jail, "/bin/sh", "-c", script);
    await screen.until("waiting");
    await assert.rejects(screen.process.resize({ cols: 0, rows: 1 }), { name: "JailCallError" });
    await screen.process.resize({ cols: 61, rows: 17 });
    assert.equal(await screen.end(), 0);
    assert.match(screen.shown, /17 61\r\n$/);
    await assert.rejects(screen.process.resize(SIZE), { name: "JailCallError" });
    await assert.rejects(screen.type("late"), { name: "JailCallError" });
  }));

jailTest(
  "JailProcess.write() waits for a terminal that is full",
  () =>
    withJail(async ({ jail }) => {
      const script = `stty raw -echo; echo waiting; sleep 0.3; head -c 300000 | wc -c`;
      const screen = await show(jail, "/bin/sh", "-c", script);
      await screen.until("waiting");
      await screen.type("x".repeat(300_000));
      assert.equal(await screen.end(), 0);
      assert.match(screen.shown, /300000/);
    }),
);

jailTest(
  "JailProcess.stdout of a terminal waits for its reader, and hangs up when cancelled",
  () =>
    withJail(async ({ jail }) => {
      const screen = await show(jail, "/bin/sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x");
      assert.equal(await screen.end(), 0);
      assert.equal(screen.shown.length, 3_000_000);
      const command = { env: { PATH }, cwd: "/", stdin: "null", terminal: SIZE } as const;
      const argv = ["/bin/sh", "-c", "echo started; exec sleep 1000"] as const;
      const process = await jail.spawn({ ...command, argv });
      const output = process.stdout.getReader();
      await output.read();
      await output.cancel();
      assert.deepEqual(await process.wait(), { code: 129, signal: "SIGHUP" });
    }),
);

jailTest(
  "Jail.spawn() with a terminal refuses what would type into it",
  () =>
    withJail(async ({ jail }) => {
      const script = `for (0x5412, 0x541c) { my $x = "a"; $! = 0;
      print ioctl(STDIN, $_, $x) ? "allowed" : $! + 0, "\\n" }`;
      const screen = await show(jail, "/usr/bin/perl", "-e", script);
      await screen.end();
      assert.equal(screen.shown, "1\r\n1\r\n");
    }),
);

jailTest("Jail.spawn() leaves nothing open of fifty terminals", () =>
  withJail(async ({ jail }) => {
    const count = () =>
      readLinks("/proc/self/fd").filter((path) => /^\/dev\/(pts\/)?ptmx/.test(path)).length;
    const once = async () => {
      const screen = await show(jail, "/bin/echo", "hi");
      await screen.end();
      assert.equal(screen.shown, "hi\r\n");
    };
    const open = await show(jail, "/bin/cat");
    const before = count();
    assert.ok(before >= 2);
    for (let time = 0; time < 50; time++) await once();
    assert.equal(count(), before);
    await open.type("x\n");
    await open.until("x\r\nx\r\n");
    await open.process.endInput();
    await open.end();
    assert.equal(count(), before - 2);
  }), MISSING ?? (HAS_PERL ? null : "needs perl"));

jailTest("Jail.close() closes terminals that nobody reads", () =>
  withJail(async ({ jail }) => {
    const screen = await show(jail, "/bin/sh", "-c", "echo waiting; sleep 1000");
    await screen.until("waiting");
    await jail.close();
    await screen.done.catch(() => {});
    await assert.rejects(screen.type("late"), { name: "JailCallError" });
  }));

Deno.test.each([
  { name: "no columns", cols: 0, rows: 1 },
  { name: "too many rows", cols: 1, rows: 65536 },
  { name: "half a row", cols: 1, rows: 1.5 },
  { name: "no number", cols: NaN, rows: 1 },
])("encodeWindowSize() refuses $name", (size) => {
  assert.throws(() => encodeWindowSize(size), { name: "JailCallError" });
});

/** Waits until a program has the terminal of a process. */
async function untilForeground(pid: number, program: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  const foreground = () => {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /, "");
    return Deno.readTextFileSync(`/proc/${stat.split(" ")[5]}/comm`).trim();
  };
  while (true) {
    try {
      if (foreground() === program) return;
    } catch (error) {
      // The group has ended just now.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    assert.ok(performance.now() < deadline);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function readLinks(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name }) => {
    try {
      return [Deno.readLinkSync(`${folder}/${name}`)];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
}
