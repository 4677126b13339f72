/**
 * What an agent cannot see, touch or reach, tried from inside.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ANYONE, policy, rest } from "../support/policies.ts";
import { type Probe, probe } from "../support/probes.ts";
import { sandboxSuite } from "../support/suite.ts";
import { ADDRESSES } from "../support/world.ts";

const POLICY = policy({
  api: { endpoints: [rest("api.example.com", 443, { access: "full" })], binaries: ANYONE },
});

const FILES: readonly Probe[] = [
  { name: "cannot write to /usr", script: "echo x > /usr/evil", shows: /denied|Read-only/ },
  { name: "cannot write to /etc", script: "echo x > /etc/evil", shows: /denied|Read-only/ },
  { name: "can write to /tmp", script: "echo x > /tmp/a && cat /tmp/a", shows: /^x/, exitCode: 0 },
  {
    name: "can write to its workspace",
    script: "echo x > /sandbox/a && cat /sandbox/a",
    shows: /^x/,
    exitCode: 0,
  },
  {
    name: "can read /usr and /etc",
    script: "cat /etc/ssl/openssl.cnf /usr/bin/env | wc -c",
    shows: /^\d{4,}/,
    exitCode: 0,
  },
  { name: "does not see /root", script: "ls -A /root", shows: /denied|No such file/ },
  { name: "does not see homes", script: "ls -A /home", shows: /denied|No such file|^$/ },
  { name: "does not see /opt", script: "ls -A /opt", shows: /denied|No such file/ },
  { name: "does not see the host's /run", script: "ls -A /run/netns", shows: /No such|denied/ },
  { name: "does not see /boot", script: "ls -A /boot", shows: /denied|No such file/ },
  {
    name: "does not see the people of the host",
    script: "cut -d: -f1 /etc/passwd | tr '\\n' ' '",
    shows: /^root sandbox nobody\s*$/,
  },
];

const PRIVILEGES: readonly Probe[] = [
  { name: "is not root", script: "id -u", shows: /^[1-9]\d+\s*$/ },
  {
    name: "has no capability, and never will",
    script: "grep -E '^(CapEff|CapPrm|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status",
    shows: /CapPrm:\s+0+\nCapEff:\s+0+\nCapBnd:\s+0+\nCapAmb:\s+0+\nNoNewPrivs:\s+1\nSeccomp:\s+2/,
  },
  { name: "dumps no core", script: "ulimit -c", shows: /^0\s*$/ },
  {
    name: "leaves no core when it crashes",
    script: "cd /sandbox && sh -c 'kill -SEGV $$'; ls /sandbox | grep -c core",
    shows: /^0$/m,
  },
  { name: "cannot mount", script: "mount -t tmpfs none /tmp", shows: /denied|permitted|must be/ },
  { name: "cannot make namespaces", script: "unshare -Ur true", shows: /permitted|denied|failed/ },
  {
    name: "sees only its own processes",
    script: "ls /proc | grep -cE '^[0-9]+$'",
    shows: /^([1-9]|1\d)\s*$/,
  },
  {
    name: "has no secret of OpenShell in its environment",
    script:
      "env | grep -iE 'token|secret|key=' ; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' " +
      "| grep -iE 'token|BEGIN'",
    shows: /^$/,
  },
];

const NETWORK: readonly Probe[] = [
  {
    name: "direct TCP is refused at once",
    script: `SECONDS=0; exec 3<>/dev/tcp/${ADDRESSES.api}/443; echo "code $? after $SECONDS"`,
    shows: /unreachable|refused/,
  },
  {
    name: "direct TCP does not hang",
    script: `SECONDS=0; (exec 3<>/dev/tcp/${ADDRESSES.api}/443) 2>/dev/null; echo "took $SECONDS"`,
    shows: /took [01]$/m,
  },
  {
    name: "the loopback of the machine is another one",
    script: "exec 3<>/dev/tcp/127.0.0.1/8080",
    shows: /refused/,
  },
  {
    name: "UDP leads nowhere",
    script: `echo x > /dev/udp/${ADDRESSES.api}/53`,
    shows: /unreachable|refused|denied/,
  },
  {
    name: "resolves no names by itself",
    script: "getent hosts api.example.com",
    shows: /^$/,
    exitCode: 2,
  },
  {
    name: "a server of its own is reached without the proxy",
    script: "perl -MIO::Socket::INET -e '$s=IO::Socket::INET->new(Listen=>1,LocalAddr=>" +
      '"127.0.0.1",LocalPort=>8123);$c=$s->accept;sysread($c,$b,999);print $c ' +
      '"HTTP/1.0 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\nhere"\' & ' +
      "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1; curl -sS http://127.0.0.1:8123/ && break; done",
    shows: /here/,
  },
  {
    name: "has the variables of the proxy",
    script: "env | grep -iE '^(https?|all)_proxy=' | cut -d= -f2 | sort -u; echo $NO_PROXY",
    shows: /^http:\/\/127\.0\.0\.1:3128\/?\n(.*127\.0\.0\.1.*)$/m,
  },
];

sandboxSuite("isolation", async (suite) => {
  const { world: { machine }, step } = suite;
  await machine.create("jail", { policy: POLICY });
  const home: Probe = {
    name: "does not see the state of OpenShell",
    script: `ls -A ${machine.folder}`,
    shows: /denied|No such file/,
  };
  await probe(suite, "jail", [...FILES, home, ...PRIVILEGES, ...NETWORK]);

  await step("two sandboxes see nothing of each other", async () => {
    await machine.create("other", { policy: POLICY, command: ["sleep", "4242"] });
    await machine.exec("other", "echo mine > /tmp/mine; echo mine > /sandbox/mine");
    const look = "ls /tmp/mine /sandbox/mine; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; id -u";
    const { stdout } = await machine.exec("jail", look);
    assert.doesNotMatch(stdout, /^\/(tmp|sandbox)\/mine/m);
    assert.doesNotMatch(stdout, /4242/);
    const users = await Promise.all(
      ["jail", "other"].map(async (name) => (await machine.exec(name, "id -u")).stdout),
    );
    assert.notEqual(users[0], users[1]);
  });

  await step("nothing reached an origin", async () => {
    assert.deepEqual(await suite.world.origins.recordings(), []);
    assert.deepEqual(await suite.world.loopback.recordings(), []);
  });
});

const REFUSED_POLICIES = [
  { name: "root as user", find: "landlock:", write: "process: { run_as_user: root }\nlandlock:" },
  { name: "a path with ..", find: "- /tmp", write: "- /tmp/../etc" },
  { name: "the whole machine writable", find: "- /tmp", write: "- /" },
  { name: "an unknown key", find: "version: 1", write: "version: 1\nnetwork_polices: {}" },
  { name: "a version that nobody knows", find: "version: 1", write: "version: 2" },
] as const;

const LIVE_CHANGES = [
  { name: "a path fewer", find: "    - /etc\n", write: "" },
  { name: "a path more", find: "    - /etc\n", write: "    - /etc\n    - /var/log\n" },
  { name: "weaker file rules", find: "hard_requirement", write: "best_effort" },
] as const;

sandboxSuite("isolation: policies that are refused", async ({ world: { machine }, step }) => {
  for (const { name, find, write } of REFUSED_POLICIES) {
    await step(`create refuses ${name}`, async () => {
      assert.ok(POLICY.includes(find));
      const file = await machine.writeFile("bad.yaml", POLICY.replace(find, write));
      const args = ["--name", "bad", "--policy", file, "--detach", "--", "sleep", "infinity"];
      assert.notEqual((await machine.run(["sandbox", "create", ...args])).code, 0);
      assert.equal(await machine.must(["sandbox", "list", "--names"]), "", "nothing is made");
    });
  }
  await machine.create("live", { policy: POLICY });
  for (const { name, find, write } of LIVE_CHANGES) {
    await step(`a running sandbox refuses ${name}`, async () => {
      assert.ok(POLICY.includes(find));
      const { code, stderr } = await machine.setPolicy("live", POLICY.replace(find, write));
      assert.notEqual(code, 0);
      assert.match(stderr, /^error: /m);
      const { version } = JSON.parse(await machine.must(["policy", "get", "live", "-o", "json"]));
      assert.equal(version, 1);
    });
  }
});
