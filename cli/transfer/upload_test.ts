import assert from "node:assert/strict";
import { fakeGateway } from "../../gateway/client/fake_gateway.ts";
import { type FakeContext, fakeContext } from "../fake_context.ts";
import { processContext } from "../process_context.ts";
import { fakeSandbox } from "./fake_sandbox.ts";
import { placeFile, planUpload, sendFiles, type Upload } from "./upload.ts";

interface Place {
  /** Folder of this machine that uploads are from. */
  readonly here: string;
  /** Workspace of the sandbox. */
  readonly there: string;
  readonly context: FakeContext;
}

async function inPlace(run: (place: Place) => Promise<void>): Promise<void> {
  const outer = await Deno.makeTempDir();
  const [here, there] = [`${outer}/here`, `${outer}/there`];
  await Deno.mkdir(here);
  await Deno.mkdir(there);
  const machine = { cwd: () => here, run: processContext().machine.run };
  try {
    await run({ here, there, context: fakeContext({ machine }) });
  } finally {
    await Deno.remove(outer, { recursive: true });
  }
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder}/${path}`, content);
  }
}

async function git(folder: string, ...args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command("git", { args: [...args], cwd: folder }).output();
  assert.ok(success);
}

function upload(change: Partial<Upload>): Upload {
  return { sandboxId: "id", local: ".", remote: "", all: false, ...change };
}

async function namesOf(place: Place, change: Partial<Upload>): Promise<readonly string[]> {
  const { files } = await planUpload(place.context, upload(change));
  return files.map(({ name }) => name);
}

Deno.test.each([
  { remote: "", want: [".", "a.txt"] },
  { remote: "b.txt", want: [".", "b.txt"] },
  { remote: "dir/b.txt", want: ["dir", "b.txt"] },
  { remote: "dir/", want: ["dir/", "a.txt"] },
  { remote: "/sandbox/b.txt", want: ["/sandbox", "b.txt"] },
  { remote: "/tmp", want: ["/tmp", "a.txt"] },
  { remote: "/", want: ["/", "a.txt"] },
])("placeFile() of [$remote] is $want", ({ remote, want }) => {
  assert.deepEqual(Object.values(placeFile(remote, "a.txt")), want);
});

Deno.test("sendFiles() sends files, links and modes", async () => {
  await inPlace(async ({ here, there, context }) => {
    await write(here, { "p/a.txt": "A", "p/-x": "dash", "p/sub/big": "b".repeat(512 * 1024) });
    await Deno.chmod(`${here}/p/a.txt`, 0o755);
    await Deno.symlink("a.txt", `${here}/p/link`);
    await Deno.symlink("nowhere", `${here}/p/dangling`);
    const count = await sendFiles(context, fakeSandbox(there), upload({ local: "p" }));
    assert.equal(count, 7);
    assert.equal(await Deno.readTextFile(`${there}/p/a.txt`), "A");
    assert.equal((await Deno.stat(`${there}/p/a.txt`)).mode! & 0o777, 0o755);
    assert.equal(await Deno.readTextFile(`${there}/p/-x`), "dash");
    assert.equal((await Deno.stat(`${there}/p/sub/big`)).size, 512 * 1024);
    assert.equal(await Deno.readLink(`${there}/p/link`), "a.txt");
    assert.equal(await Deno.readLink(`${there}/p/dangling`), "nowhere");
  });
});

Deno.test("sendFiles() sends one file to exactly its place", async () => {
  await inPlace(async ({ here, there, context }) => {
    await write(here, { "a.txt": "A" });
    const change = { local: "a.txt", remote: "/sandbox/new/-b.txt" };
    assert.equal(await sendFiles(context, fakeSandbox(there), upload(change)), 1);
    assert.equal(await Deno.readTextFile(`${there}/new/-b.txt`), "A");
  });
});

Deno.test("planUpload() leaves out what git ignores, unless it is asked to send all", async () => {
  await inPlace(async (place) => {
    await git(place.here, "init", "-q");
    await write(place.here, {
      ".gitignore": "*.log\nout/\n",
      "a.txt": "A",
      "new.txt": "N",
      "x.log": "L",
      "out/y": "Y",
      "gone.txt": "G",
    });
    await git(place.here, "add", "a.txt", "gone.txt");
    await Deno.remove(`${place.here}/gone.txt`);
    const base = place.here.slice(place.here.lastIndexOf("/") + 1);
    assert.deepEqual(await namesOf(place, {}), [
      base,
      `${base}/.gitignore`,
      `${base}/a.txt`,
      `${base}/new.txt`,
    ]);
    const all = await namesOf(place, { all: true });
    assert.ok(all.includes(`${base}/x.log`) && all.includes(`${base}/.git/HEAD`));
    // A single file is sent whatever git says: it was named.
    assert.deepEqual(await namesOf(place, { local: "x.log" }), ["x.log"]);
  });
});

Deno.test("planUpload() sends a folder that git ignores as a whole, and says so", async () => {
  await inPlace(async (place) => {
    await git(place.here, "init", "-q");
    await write(place.here, { ".gitignore": "out/\n", "out/y": "Y" });
    assert.deepEqual(await namesOf(place, { local: "out" }), ["out", "out/y"]);
    assert.match(place.context.err(), /Git ignores everything/);
  });
});

Deno.test("planUpload() is not misled by GIT_ variables", async () => {
  await inPlace(async (place) => {
    await write(place.here, { "p/a.txt": "A" });
    Deno.env.set("GIT_DIR", "/nowhere");
    try {
      assert.deepEqual(await namesOf(place, { local: "p" }), ["p", "p/a.txt"]);
    } finally {
      Deno.env.delete("GIT_DIR");
    }
  });
});

Deno.test("sendFiles() leaves out pipes and says so", async () => {
  await inPlace(async ({ here, there, context }) => {
    await write(here, { "p/a.txt": "A" });
    await new Deno.Command("mkfifo", { args: [`${here}/p/pipe`] }).output();
    await sendFiles(context, fakeSandbox(there), upload({ local: "p" }));
    assert.match(context.err(), /Left out: .*pipe is no file/);
    assert.equal(await Deno.readTextFile(`${there}/p/a.txt`), "A");
  });
});

Deno.test("sendFiles() refuses what is not there", async () => {
  await inPlace(async ({ there, context }) => {
    const sending = sendFiles(context, fakeSandbox(there), upload({ local: "nope" }));
    await assert.rejects(sending, { code: "not_found", message: /"nope": it does not exist/ });
  });
});

Deno.test("sendFiles() says what tar in the sandbox said", async () => {
  await inPlace(async ({ here, there, context }) => {
    await write(here, { "a.txt": "A" });
    await write(there, { file: "in the way" });
    const change = { local: "a.txt", remote: "file/x" };
    const sending = sendFiles(context, fakeSandbox(there), upload(change));
    await assert.rejects(sending, { message: /ended with \d/, hint: /It said: / });
  });
});

Deno.test("sendFiles() fails when a file becomes shorter, and does not end the stream well", async () => {
  await inPlace(async ({ here, context }) => {
    await write(here, { big: "x".repeat(3 * 1024 * 1024) });
    let hasEnded = false;
    const gateway = fakeGateway({
      async *exec(_request, { inputs, signal }) {
        const aborted = new Promise<never>((_, reject) =>
          signal.addEventListener("abort", () => reject(new Error("aborted")))
        );
        const iterator = inputs[Symbol.asyncIterator]();
        for (;;) {
          const { value, done } = await Promise.race([iterator.next(), aborted]);
          if (done === true || value.kind === "end") break;
          await Deno.truncate(`${here}/big`, 10);
        }
        hasEnded = true;
        yield { kind: "exit", code: 0 };
      },
    });
    const sending = sendFiles(context, gateway, upload({ local: "big" }));
    await assert.rejects(sending, /became shorter while it was read/);
    assert.ok(!hasEnded);
  });
});
