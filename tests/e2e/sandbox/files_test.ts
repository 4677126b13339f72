/**
 * Files in and out of sandboxes, and ports of theirs on the machine.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mustRun, waitFor } from "../support/commands.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";

const FILE_BYTES = 512 * 1024;
const FORWARDED_PORT = 17_321;

/** Sends back what it receives. Base systems have `perl`. */
const ECHO_SERVER = `use IO::Socket::INET;
my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => ${FORWARDED_PORT},
  ReuseAddr => 1) or die; print "listening\\n";
while (my $c = $s->accept) { while (sysread($c, my $b, 65536)) { syswrite($c, $b) } close $c }`;

sandboxSuite("files and forwarding", async (suite) => {
  const { world: { machine } } = suite;
  await machine.create("files");
  await makeTree(machine.home);
  await machine.own(`${machine.home}/tree`);
  await stepsOfUpload(suite);
  await stepsOfDownload(suite);
  await stepsOfForward(suite);
});

async function makeTree(home: string): Promise<void> {
  const tree = `${home}/tree`;
  await Deno.mkdir(`${tree}/deep/er`, { recursive: true });
  await Deno.writeTextFile(`${tree}/deep/er/small`, "small\n");
  await Deno.writeFile(`${tree}/large`, randomBytes(FILE_BYTES));
  await Deno.writeTextFile(`${tree}/-dash`, "dash\n");
  await Deno.writeTextFile(`${tree}/ignored.log`, "ignored\n");
  await Deno.writeTextFile(`${tree}/.gitignore`, "*.log\n");
  await Deno.symlink("deep/er/small", `${tree}/link`);
  await mustRun(["git", "init", "--quiet", tree]);
}

async function stepsOfUpload({ world: { machine }, step }: Suite): Promise<void> {
  await step("a folder arrives with the same content, without what git ignores", async () => {
    await machine.must(["sandbox", "upload", "files", "tree"]);
    const { stdout } = await machine.exec(
      "files",
      "cd /sandbox/tree && sha256sum large | cut -c1-64; cat deep/er/small ./-dash; " +
        "readlink link; ls ignored.log 2>&1; stat -c %u large; id -u",
    );
    const [digest, small, dash, link, ignored, owner, user] = stdout.split("\n");
    assert.equal(digest, sha256(await Deno.readFile(`${machine.home}/tree/large`)));
    assert.deepEqual([small, dash, link], ["small", "dash", "deep/er/small"]);
    assert.match(ignored ?? "", /No such file/);
    assert.equal(owner, user, "the files are the agent's own");
  });

  await step("--no-git-ignore sends everything", async () => {
    const args = ["sandbox", "upload", "files", "tree", "/sandbox/all/", "--no-git-ignore"];
    await machine.must(args);
    assert.equal((await machine.exec("files", "cat /sandbox/all/tree/ignored.log")).code, 0);
  });

  await step("a file goes to where it should, alone", async () => {
    await machine.must(["sandbox", "upload", "files", "tree/deep/er/small", "/sandbox/one/named"]);
    const { stdout } = await machine.exec("files", "cat /sandbox/one/named; ls /sandbox/one");
    assert.equal(stdout, "small\nnamed\n");
  });

  await step("create --upload has the files before anything runs", async () => {
    const flags = ["--name", "loaded", "--upload", "tree:/sandbox/data", "--detach"];
    await machine.must(["sandbox", "create", ...flags]);
    machine.noteSandboxes();
    const { stdout } = await machine.exec("loaded", "ls /sandbox/data");
    assert.match(stdout, /tree/);
  });

  await step("nothing is written outside of what the policy allows", async () => {
    for (const target of ["/usr/evil", "/etc/", "../../etc/evil"]) {
      const { code } = await machine.run(
        ["sandbox", "upload", "files", "tree/deep/er/small", target],
      );
      assert.notEqual(code, 0, target);
    }
    assert.notEqual((await machine.run(["sandbox", "upload", "files", "no-such-file"])).code, 0);
  });
}

async function stepsOfDownload({ world: { machine }, step }: Suite): Promise<void> {
  await step("a folder and a file come back as they are", async () => {
    await machine.must(["sandbox", "download", "files", "/sandbox/tree", "back"]);
    const [found] = (await mustRun(["find", `${machine.home}/back`, "-name", "large"])).split("\n");
    assert.deepEqual(
      sha256(await Deno.readFile(found!)),
      sha256(await Deno.readFile(`${machine.home}/tree/large`)),
    );
    await machine.must(["sandbox", "download", "files", "/sandbox/one/named", "single"]);
    assert.equal(await Deno.readTextFile(`${machine.home}/single`), "small\n");
  });

  await step(
    "nothing outside of the workspace comes back, and nothing lands elsewhere",
    async () => {
      await machine.exec(
        "files",
        "ln -s /etc /sandbox/way-out; ln -s /etc/passwd /sandbox/file-out",
      );
      const sources = [
        "/etc/passwd",
        "/sandbox/../etc/passwd",
        "/sandbox/way-out/passwd",
        "/sandbox/file-out",
        "../etc/passwd",
      ];
      for (const source of sources) {
        const { code } = await machine.run(["sandbox", "download", "files", source, "stolen"]);
        assert.notEqual(code, 0, source);
        await assert.rejects(Deno.lstat(`${machine.home}/stolen`), Deno.errors.NotFound);
      }
    },
  );

  await step("links inside a folder stay links, and lead nowhere while it is written", async () => {
    const make = "mkdir -p /sandbox/trap && cd /sandbox/trap && ln -s /tmp out && echo x > real";
    await machine.exec("files", make);
    await machine.run(["sandbox", "download", "files", "/sandbox/trap", "trap"]);
    const names = (await mustRun(["find", `${machine.home}/trap`, "-name", "out", "-type", "d"]))
      .trim();
    assert.equal(names, "", "a link does not become a folder");
  });
}

async function stepsOfForward({ world: { machine }, step }: Suite): Promise<void> {
  await step("a forwarded port leads to the program in the sandbox", async () => {
    await machine.create("serves", { command: ["perl", "-e", ECHO_SERVER] });
    const forward = machine.spawn(["forward", "start", String(FORWARDED_PORT), "serves"]);
    try {
      const script =
        `exec 3<>/dev/tcp/127.0.0.1/${FORWARDED_PORT}; echo ping >&3; read -r -t 5 line ` +
        '<&3; echo "$line"';
      const answer = await waitFor("the forwarded port", async () => {
        const { stdout } = await machine.runOnMachine(["bash", "-c", script]);
        // An empty line is a connection that came before the program listened.
        return stdout.trim() === "" ? null : stdout;
      });
      assert.equal(answer, "ping\n");
    } finally {
      forward.kill("SIGINT");
      await forward.status;
    }
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
