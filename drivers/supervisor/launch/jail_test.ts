import assert from "node:assert/strict";
import net from "node:net";
import type { FilesystemPolicy } from "../../../policy-wasm/policy.ts";
import { IsolationError } from "./isolation_error.ts";
import { type Jail, startJail } from "./jail.ts";
import type { JailSpec } from "./jail_spec.ts";
import { loadLibc } from "./libc_ffi.ts";
import { lookAtPath } from "./look_at_path.ts";
import { planMounts, SYSTEM_FOLDERS } from "./mount_plan.ts";
import { REFUSALS } from "./seccomp_filter.ts";
import { syscallNumber } from "./syscall_numbers.ts";

const PORT = 3128;
/** Each test process has its own, because the kernel counts the processes of one identity. */
const AGENT = { uid: 1_000_000 + Deno.pid, gid: 1_000_000 + Deno.pid };
const MISSING = findMissing();
const HAS_PERL = lookAtPath("/usr/bin/perl").kind === "file";
const HAS_BASH = lookAtPath("/bin/bash").kind === "file";

/** Says why these tests cannot run here, or nothing. */
function findMissing(): string | null {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  const effective = /^CapEff:\s*(\w+)/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ??
    "0";
  const CAP_SYS_ADMIN = 21n;
  if ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN & 1n) === 0n) return "needs CAP_SYS_ADMIN";
  try {
    loadLibc().landlockAbi();
    return null;
  } catch {
    return "needs Landlock";
  }
}

function jailTest(name: string, body: () => Promise<void>, missing = MISSING): void {
  const reason = missing === null ? "" : ` (ignored: ${missing})`;
  Deno.test({ name: name + reason, ignore: missing !== null, fn: body });
}

interface Folders {
  /** Where the agent works. */
  readonly workspace: string;
  /** On the host, in a policy's `read_only`. */
  readonly tools: string;
}

async function withFolders(body: (folders: Folders) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "openshell-jail-" });
  try {
    Deno.chmodSync(folder, 0o755);
    const folders = { workspace: `${folder}/workspace`, tools: `${folder}/tools` };
    for (const path of Object.values(folders)) Deno.mkdirSync(path, { mode: 0o755 });
    Deno.chownSync(folders.workspace, AGENT.uid, AGENT.gid);
    await body(folders);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function makeSpec({ workspace, tools }: Folders, filesystem?: FilesystemPolicy): JailSpec {
  const usual = { includeWorkdir: true, readOnly: [tools], readWrite: ["/tmp", "/made-for-me"] };
  const plan = planMounts({
    filesystem: filesystem ?? usual,
    compatibility: "hard_requirement",
    workspace: { source: workspace, target: "/sandbox" },
    systemFolders: SYSTEM_FOLDERS,
    tmpBytesMax: 16 * 1024 * 1024,
  }, lookAtPath);
  const limits = { openFilesMax: 200, processesMax: 100 };
  return { plan, identity: AGENT, limits, ports: [PORT], hostname: "jail" };
}

interface Context extends Folders {
  readonly jail: Jail;
  /** Runs a shell script and returns its output and its exit code. */
  readonly run: (script: string, program?: string) => Promise<{ out: string; code: number }>;
}

async function withJail(body: (context: Context) => Promise<void>): Promise<void> {
  await withFolders(async (folders) => {
    const jail = await startJail(makeSpec(folders));
    const server = takeListener(jail);
    try {
      await body({ ...folders, jail, run: (script, program) => run(jail, script, program) });
    } finally {
      await jail.close();
      await server.stop();
    }
  });
}

/** Every connection is told from where it was answered. */
function takeListener(jail: Jail): { stop: () => Promise<void> } {
  const server = net.createServer((socket) => socket.end("from the host\n"));
  server.listen({ fd: jail.listeners[0]! });
  return { stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function run(jail: Jail, script: string, program = "/bin/sh") {
  const process = await jail.spawn({
    argv: [program, program.endsWith("perl") ? "-e" : "-c", script],
    env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", MARK: "agent" },
    cwd: "/sandbox",
    stdin: "null",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
  ]);
  const { code } = await process.wait();
  return { out: stdout + stderr, code };
}

const REFUSED =
  /denied|permitted|Read-only|No such file|cannot|unreachable|refused|superuser|root|No such device/i;

jailTest(
  "startJail() refuses what the sandbox may not touch, row by row",
  () =>
    withJail(async ({ run, tools }) => {
      Deno.writeTextFileSync(`${tools}/tool`, "#!/bin/sh\necho tool\n");
      Deno.chmodSync(`${tools}/tool`, 0o777);
      const scripts = [
        "cat /root/.profile",
        "ls /root",
        "ls /home",
        "ls /work",
        "ls /",
        "cat /etc/shadow",
        "touch /usr/x",
        "touch /etc/x",
        "touch /x",
        "touch /dev/x",
        `touch ${tools}/x`,
        `echo x >> ${tools}/tool`,
        "cat /proc/kcore",
        "echo b > /proc/sysrq-trigger",
        "echo 1 > /proc/sys/kernel/core_pattern",
        "echo 0 > /proc/self/oom_score_adj",
        "mknod /tmp/disk b 254 0",
        "mount -t tmpfs none /tmp",
        "umount /proc",
        "unshare -n true",
        "unshare -Ur true",
        "chroot /tmp true",
        "hostname other",
        "nsenter -t 1 -n true",
        "ls -l /proc/1/root/",
        "kill -9 1",
        "cat /proc/1/environ",
        "cat < /dev/tty",
      ];
      for (const script of scripts) {
        const { out, code } = await run(script);
        assert.notEqual(code, 0, `${script}: ${out}`);
        assert.match(out, REFUSED, script);
      }
    }),
);

jailTest(
  "startJail() gives the agent its workspace, its tools and its own folders",
  () =>
    withJail(async ({ run, workspace, tools }) => {
      Deno.writeTextFileSync(`${tools}/tool`, "#!/bin/sh\necho tool\n");
      Deno.chmodSync(`${tools}/tool`, 0o755);
      const { out, code } = await run(`set -e
      pwd; hostname; echo $MARK; id -u; id -G; ${tools}/tool
      echo kept > file; mkdir -p a b; mv file a/file; mv a/file b/file; ln -s b link
      for place in /tmp /dev/shm /made-for-me; do echo $place > $place/x; cat $place/x; done
      printf '#!/bin/sh\\necho made\\n' > made; chmod +x made; ./made
      echo lost > /dev/null; head -c 4 /dev/urandom | wc -c; echo out > /dev/stdout
      umask`);
      const wanted = ["/sandbox", "jail", "agent", `${AGENT.uid}`, `${AGENT.gid}`, "tool"];
      const folders = ["/tmp", "/dev/shm", "/made-for-me", "made", "4", "out", "0022"];
      assert.equal(out, [...wanted, ...folders, ""].join("\n"));
      assert.equal(code, 0);
      assert.equal(Deno.readTextFileSync(`${workspace}/b/file`), "kept\n");
      assert.equal(lookAtPath("/made-for-me").kind, "missing");
    }),
);

jailTest(
  "startJail() refuses by Landlock what the mounts alone would allow",
  () =>
    withFolders(async (folders) => {
      Deno.writeTextFileSync(`${folders.workspace}/file`, "secret");
      const filesystem = { includeWorkdir: false, readOnly: ["/tmp"], readWrite: [] };
      const jail = await startJail(makeSpec(folders, filesystem));
      const server = takeListener(jail);
      try {
        for (
          const script of ["cat /sandbox/file", "ls /sandbox", "touch /sandbox/x", "touch /tmp/x"]
        ) {
          const { out, code } = await run(jail, script);
          assert.notEqual(code, 0, script);
          assert.match(out, /Permission denied/, script);
        }
        assert.equal((await run(jail, "ls /tmp")).code, 0);
      } finally {
        await jail.close();
        await server.stop();
      }
    }),
);

jailTest(
  "startJail() shows only the sandbox's processes and reaps what is left behind",
  () =>
    withJail(async ({ run }) => {
      const { out } = await run("cat /proc/1/comm; echo /proc/[0-9]*; echo $$");
      const [comm, pids = "", own] = out.trim().split("\n");
      assert.equal(comm, "sh");
      assert.ok(pids.split(" ").length <= 4, pids);
      assert.ok(Number(own) < 20, own);
      // A session and a group of its own: what it sends to its group stays inside.
      const { out: stat } = await run(
        "set -- $(cat /proc/$$/stat); echo $(($5 - $1)) $(($6 - $1))",
      );
      assert.equal(stat, "0 0\n");
      assert.equal((await run("kill -9 0")).code, 137);
      // The orphan is adopted by init; its end must leave no zombie.
      const { out: left } = await run(`(sh -c 'exit 3' &) ; sh -c '(exit 4) & exit 0'
      tries=0
      while cat /proc/[0-9]*/stat 2>/dev/null | grep -q ') Z '; do
        tries=$((tries + 1)); [ $tries -gt 2000 ] && { echo zombie; exit; }
      done; echo none`);
      assert.equal(left, "none\n");
    }),
);

jailTest(
  "startJail() holds limits, capabilities and no_new_privs in every program",
  () =>
    withJail(async ({ run, tools }) => {
      const { out } = await run(
        "ulimit -n; ulimit -Hn; grep -E 'Max (processes|core)' /proc/self/limits | tr -s ' '; " +
          "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr -d '\\t'",
      );
      const caps = ["Inh", "Prm", "Eff", "Bnd", "Amb"].map((name) => `Cap${name}:0000000000000000`);
      const sizes = ["Max core file size 1 1 bytes ", "Max processes 100 100 processes "];
      const limits = ["200", "200", ...sizes];
      assert.equal(out, [...limits, ...caps, "NoNewPrivs:1", "Seccomp:2", ""].join("\n"));
      assert.notEqual((await run("ulimit -n 201")).code, 0);
      // A program of root's with the set-uid bit gives nothing.
      Deno.copyFileSync("/usr/bin/id", `${tools}/id`);
      Deno.chmodSync(`${tools}/id`, 0o4755);
      assert.equal((await run(`${tools}/id -u`)).out, `${AGENT.uid}\n`);
      const many = await run(
        "i=0; while [ $i -lt 150 ]; do sleep 9 > /dev/null 2>&1 & i=$((i+1)); done",
      );
      assert.notEqual(many.code, 0);
    }),
);

jailTest(
  "startJail() leaves loopback alone, and there the listener",
  () =>
    withJail(async ({ run }) => {
      const host = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      try {
        const dial = (at: string) => run(`exec 3<>/dev/tcp/${at} && cat <&3`, "/bin/bash");
        assert.equal((await dial(`127.0.0.1/${PORT}`)).out, "from the host\n");
        assert.match((await dial(`127.0.0.1/${host.addr.port}`)).out, /refused/);
        assert.match((await dial("192.0.2.1/80")).out, /unreachable/);
        const { out } = await run("tail -n +3 /proc/net/dev | cut -d: -f1");
        assert.equal(out.trim(), "lo");
      } finally {
        host.close();
      }
    }),
  MISSING ?? (HAS_BASH ? null : "needs bash"),
);

jailTest("startJail() refuses each system call of the table", () =>
  withJail(async ({ run }) => {
    const rows = REFUSALS.flatMap(({ name, when, errno }) => {
      const number = syscallNumber(name, Deno.build.arch);
      if (number === null) return [];
      const values = [0, 0, 0, 0, 0];
      // Family 44 is none of the allowed; protocol 9 of netlink is audit.
      for (const { argument, test, value } of when) {
        values[argument] = test === "is_not" ? (argument === 0 ? 44 : 9) : value;
      }
      // One flag is enough: the first that the mask names.
      return [{ name, errno, call: [number, ...values].join(",") }];
    });
    const script = `for (qw(${rows.map(({ call }) => call).join(" ")})) {
      my ($n, @a) = map { $_ + 0 } split /,/; $! = 0;
      my $r = syscall($n, @a); print $r == -1 ? $! + 0 : "allowed", "\\n" }`;
    const { out } = await run(script, "/usr/bin/perl");
    const got = out.trim().split("\n").map((answer, at) => `${rows[at]?.name} ${answer}`);
    assert.deepEqual(got, rows.map(({ name, errno }) => `${name} ${errno}`));
  }), MISSING ?? (HAS_PERL ? null : "needs perl"));

jailTest("Jail.spawn() hands on no descriptor of OpenShell", () =>
  withJail(async ({ run }) => {
    const libc = loadLibc();
    const descriptor = libc.openForReading("/etc/passwd");
    try {
      const FIONCLEX = 0x5450n; // Clears close-on-exec, as on what OpenShell itself inherited.
      libc.ioctl(descriptor, FIONCLEX, new Uint8Array(1));
      assert.equal((await run("ls /proc/self/fd")).out, "0\n1\n2\n3\n");
    } finally {
      libc.close(descriptor);
    }
  }));

jailTest("Jail.spawn() keeps output for whoever waits first", () =>
  withJail(async ({ jail }) => {
    const argv = ["/bin/echo", "late"] as const;
    const process = await jail.spawn({ argv, env: {}, cwd: "/", stdin: "null" });
    assert.deepEqual(await process.wait(), { code: 0, signal: null });
    assert.equal(await new Response(process.stdout).text(), "late\n");
    await process.stderr.cancel();
    await assert.rejects(process.wait(), { name: "JailCallError" });
  }));

jailTest(
  "startJail() ends with OpenShell, even when that is killed",
  () =>
    withFolders(async (folders) => {
      const code = `import { startJail } from ${JSON.stringify(import.meta.resolve("./jail.ts"))};
      const jail = await startJail(${JSON.stringify(makeSpec(folders))});
      const command = { env: {}, cwd: "/", stdin: "null" };
      await jail.spawn({ ...command, argv: ["/bin/sleep", "1000"] });
      console.log(Deno.readLinkSync("/proc/" + jail.initPid + "/ns/mnt"));`;
      const openshell = new Deno.Command(Deno.execPath(), {
        args: ["eval", code],
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const reader = openshell.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const namespace = ((await reader.read()).value ?? "").trim();
      assert.match(namespace, /^mnt:/);
      assert.ok(inNamespace(namespace).length >= 3);
      openshell.kill("SIGKILL");
      await openshell.status;
      await reader.cancel();
      const deadline = performance.now() + 10_000;
      while (inNamespace(namespace).length > 0) assert.ok(performance.now() < deadline, namespace);
    }),
);

jailTest(
  "Jail.spawn() passes input, signals and exit codes",
  () =>
    withJail(async ({ jail, run }) => {
      const command = { env: {}, cwd: "/", stdin: "piped" } as const;
      const cat = await jail.spawn({ ...command, argv: ["/bin/cat"] });
      const sent = new Uint8Array(300_000).map((_, at) => at % 251);
      const echoed = new Response(cat.stdout).bytes();
      const errors = new Response(cat.stderr).text();
      await cat.write(sent);
      await cat.endInput();
      assert.deepEqual(await echoed, sent);
      assert.equal(await errors, "");
      assert.deepEqual(await cat.wait(), { code: 0, signal: null });
      const sleeper = await jail.spawn({ ...command, argv: ["/bin/sleep", "1000"] });
      await sleeper.kill("SIGTERM");
      await Promise.all([sleeper.stdout.cancel(), sleeper.stderr.cancel()]);
      assert.deepEqual(await sleeper.wait(), { code: 143, signal: "SIGTERM" });
      assert.equal((await run("exit 7")).code, 7);
      assert.equal((await run("exec /no/such/program")).code, 127);
    }),
);

jailTest("Jail.close() leaves nothing behind", () =>
  withFolders(async (folders) => {
    const folder = folders.tools.slice(0, folders.tools.lastIndexOf("/"));
    const look = () => ({ mounts: readMounts(), files: readNames(folder), open: openFolders() });
    const before = look();
    const jail = await startJail(makeSpec(folders));
    const server = takeListener(jail);
    const { out } = await run(
      jail,
      "setsid sleep 1000 > /dev/null 2>&1 & readlink /proc/self/ns/mnt",
    );
    const namespace = out.trim();
    assert.match(namespace, /^mnt:/);
    assert.ok(inNamespace(namespace).length >= 3);
    const { initPid } = jail;
    await jail.close();
    await server.stop();
    assert.deepEqual(inNamespace(namespace), []);
    assert.equal(lookAtPath(`/proc/${initPid}`).kind, "missing");
    assert.deepEqual(look(), before);
    await assert.rejects(jail.spawn({ argv: ["/bin/true"], env: {}, cwd: "/", stdin: "null" }), {
      name: "JailCallError",
      code: "unavailable",
    });
  }));

for (
  const { name, change, control } of [
    { name: "root as user", change: { identity: { uid: 0, gid: 5 } }, control: "identity" },
    { name: "root as group", change: { identity: { uid: 5, gid: 0 } }, control: "identity" },
    { name: "no port", change: { ports: [0] }, control: "network" },
    { name: "a port twice", change: { ports: [80, 80] }, control: "network" },
    { name: "too many ports", change: { ports: Array(17).fill(80) }, control: "network" },
    {
      name: "limits above its own",
      change: { limits: { openFilesMax: 2 ** 40, processesMax: 10 } },
      control: "limits",
    },
  ] as const
) {
  jailTest(
    `startJail() with ${name} names ${control} and leaves nothing`,
    () =>
      withFolders(async (folders) => {
        const before = readProcesses();
        await assert.rejects(startJail({ ...makeSpec(folders), ...change }), (error) => {
          assert.ok(error instanceof IsolationError, String(error));
          assert.equal(error.control, control);
          assert.ok(error.hint);
          return true;
        });
        assert.deepEqual(readProcesses(), before);
      }),
  );
}

jailTest(
  "startJail() with a source that is gone names mounts",
  () =>
    withFolders(async (folders) => {
      const spec = makeSpec(folders);
      Deno.removeSync(folders.tools);
      await assert.rejects(startJail(spec), { name: "IsolationError", control: "mounts" });
    }),
);

function readMounts(): string {
  return Deno.readTextFileSync("/proc/self/mountinfo");
}

function readNames(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** Folders that this process holds open, as descriptors of a root or of a mount point would be. */
function openFolders(): readonly string[] {
  return readNames("/proc/self/fd").map((name) => `/proc/self/fd/${name}`)
    .filter((path) => lookAtPath(path).kind === "directory").map((path) => Deno.readLinkSync(path));
}

/** Children of this process in another mount namespace: other tests have children as well. */
function readProcesses(): readonly string[] {
  return allProcesses().filter((pid) => {
    try {
      const status = Deno.readTextFileSync(`/proc/${pid}/status`);
      const own = Deno.readLinkSync("/proc/self/ns/mnt");
      return status.includes(`\nPPid:\t${Deno.pid}\n`) &&
        Deno.readLinkSync(`/proc/${pid}/ns/mnt`) !== own;
    } catch (error) {
      if (error instanceof Error) return false;
      throw error;
    }
  });
}

function inNamespace(namespace: string): readonly string[] {
  return allProcesses().filter((pid) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/ns/mnt`) === namespace;
    } catch (error) {
      if (error instanceof Error) return false;
      throw error;
    }
  });
}

function allProcesses(): readonly string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) =>
    /^\d+$/.test(name)
  );
}
