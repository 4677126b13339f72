import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { HOST_FILES } from "../../system/cgroup/cgroup_files.ts";
import { findHierarchies } from "../../system/cgroup/find_hierarchies.ts";
import { createSandboxGroup } from "../../system/cgroup/sandbox_group.ts";
import {
  AGENT,
  HAS_PERL,
  jailTest,
  makeSpec,
  MISSING,
  run,
  withFolders,
  withJail,
} from "./jail_fixture.ts";
import { IsolationError } from "./isolation_error.ts";
import { startJail } from "./jail.ts";
import type { JailSpec } from "./jail_spec.ts";
import { loadLibc } from "./libc_ffi.ts";
import { lookAtPath } from "./look_at_path.ts";
import { REFUSALS } from "./seccomp_filter.ts";
import { syscallNumber } from "./syscall_numbers.ts";

const NO_PIDS = findHierarchies(HOST_FILES).length > 0 ? null : "needs control groups";

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
      }
    }),
);

jailTest(
  "startJail() shows only the sandbox's processes and reaps what is left behind",
  () =>
    withJail(async ({ run }) => {
      const { out } = await run("cat /proc/1/comm; echo /proc/[0-9]*; echo $$");
      const [comm, pids = "", own] = out.trim().split("\n");
      assert.equal(comm, "openshell-gate");
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
      await sleeper.signal("SIGTERM");
      await Promise.all([sleeper.stdout.cancel(), sleeper.stderr.cancel()]);
      assert.deepEqual(await sleeper.wait(), { code: 143, signal: "SIGTERM" });
      assert.equal((await run("exit 7")).code, 7);
      assert.equal((await run("exec /no/such/program")).code, 127);
    }),
);

jailTest(
  "startJail() puts init and every program into a control group",
  async () => {
    const limits = { memoryBytesMax: null, cpuMax: null, processesMax: 12 };
    const group = createSandboxGroup(`openshell-test-jail-${crypto.randomUUID()}`, limits);
    const started: string[] = [];
    try {
      await withJail(async ({ jail, run }) => {
        // Init has forked nothing before, so its reader is in the group as well.
        await run("true");
        assert.deepEqual(started, [String(jail.initPid)]);
        assert.equal(group.usage().processes, 2);
        const { out, code } = await run(
          "for i in $(seq 50); do sleep 5 > /dev/null 2>&1 & done; echo all",
        );
        assert.ok(code !== 0 || !out.includes("all"), "the group's limit is below the identity's");
        await group.killAll();
      }, {
        onSpawn: (pid) => {
          const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
          assert.equal(children, "", "nothing was forked before the group was joined");
          if (started.length === 0) started.push(String(pid));
          group.join(pid);
        },
      });
    } finally {
      await group.killAll();
      await group.remove();
    }
  },
  MISSING ?? NO_PIDS,
);

jailTest("Jail.close() leaves nothing behind", () =>
  withFolders(async (folders) => {
    const folder = folders.tools.slice(0, folders.tools.lastIndexOf("/"));
    const look = () => ({ mounts: readMounts(), files: readNames(folder), open: openFolders() });
    const before = look();
    const jail = await startJail(makeSpec(folders));
    const { out } = await run(
      jail,
      "setsid sleep 1000 > /dev/null 2>&1 & readlink /proc/self/ns/mnt",
    );
    const namespace = out.trim();
    assert.match(namespace, /^mnt:/);
    assert.ok(inNamespace(namespace).length >= 3);
    const { initPid } = jail;
    await jail.close();
    assert.deepEqual(inNamespace(namespace), []);
    assert.equal(lookAtPath(`/proc/${initPid}`).kind, "missing");
    // Tests beside this one open folders as well, each for a moment.
    const deadline = performance.now() + 5000;
    while (!isDeepStrictEqual(look(), before) && performance.now() < deadline);
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
        const limits = { openFilesMax: 199, processesMax: 99 };
        const spec = { ...makeSpec(folders), limits, ...change };
        await assert.rejects(startJail(spec), (error) => {
          assert.ok(error instanceof IsolationError, String(error));
          assert.equal(error.control, control);
          assert.ok(error.hint);
          return true;
        });
        assert.deepEqual(readProcesses(spec.limits), []);
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

/** Children of this process that have these limits: tests beside this one have children as well. */
function readProcesses({ openFilesMax, processesMax }: JailSpec["limits"]): readonly string[] {
  return allProcesses().filter((pid) => {
    try {
      const status = Deno.readTextFileSync(`/proc/${pid}/status`);
      return status.includes(`\nPPid:\t${Deno.pid}\n`) &&
        Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(`${openFilesMax}\0${processesMax}`);
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
