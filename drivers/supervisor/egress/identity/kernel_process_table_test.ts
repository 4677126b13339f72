import assert from "node:assert/strict";
import {
  type Context,
  HAS_BASH,
  HAS_PERL,
  jailTest,
  MISSING,
  withJail,
} from "../../launch/jail_fixture.ts";
import { CallerIdentifier, type CallerIdentity } from "./caller_identifier.ts";
import { KernelProcessTable } from "./kernel_process_table.ts";

const PORT = 3128;
const NEEDS = MISSING ?? (HAS_PERL && HAS_BASH ? null : "needs perl and bash");

/** Connects, waits for the answer, and prints it. `$^F` lets programs that it starts inherit it. */
const CONNECT = `use Socket; $^F = 255; socket(S, PF_INET, SOCK_STREAM, 0) or die;
  connect(S, sockaddr_in(${PORT}, inet_aton("127.0.0.1"))) or die;`;
const READ = `print <S>;`;

/** Runs a script in the jail and identifies whoever connects first. */
async function identifyOne(
  script: string,
  { jail, run }: Context,
  identifier: CallerIdentifier,
): Promise<CallerIdentity> {
  const listener = await jail.listen(PORT);
  const running = run(script, "/bin/bash");
  try {
    const connection = await Promise.race([
      listener.accept(),
      running.then(({ out }) => assert.fail(`nobody connected: ${out}`)),
    ]);
    const identity = await identifier.identify(connection.remoteAddr);
    connection.close();
    return identity;
  } finally {
    listener.close();
    await running;
  }
}

function identifierTest(
  name: string,
  body: (context: Context, identify: (script: string) => Promise<CallerIdentity>) => Promise<void>,
): void {
  jailTest(`CallerIdentifier ${name}`, () =>
    withJail(async (context) => {
      using identifier = new CallerIdentifier({ jail: context.jail, proxyPort: PORT });
      await body(context, (script) => identifyOne(script, context, identifier));
    }), NEEDS);
}

function perl(program: string, script: string): string {
  return `${program} -e '${script}'`;
}

function codeOf(identity: CallerIdentity): string {
  return identity.kind === "unknown" ? identity.code : identity.caller.binary;
}

identifierTest("knows a real program by its file, and its parents", async ({ jail }, identify) => {
  // A link is followed, and a name of its own choice changes nothing.
  const script =
    `ln -s /usr/bin/perl curl; (exec -a /usr/bin/curl ./curl -e '${CONNECT} ${READ}'); :`;
  const identity = await identify(script);
  assert.ok(identity.kind === "known", JSON.stringify(identity));
  assert.equal(identity.caller.binary, Deno.realPathSync("/usr/bin/perl"));
  assert.equal(identity.caller.ancestors.at(-1), Deno.realPathSync("/bin/bash"));
  assert.ok(identity.caller.ancestors.every((path) => path === Deno.realPathSync("/bin/bash")));
  assert.notEqual(identity.actor.pid, jail.initPid);
});

identifierTest("sees the process id of the host", async ({ jail, run }, identify) => {
  const script = perl("/usr/bin/perl", `${CONNECT} ${READ} sleep 0.1;`);
  const identity = await identify(`${script}; :`);
  assert.ok(identity.kind === "known");
  assert.ok(identity.actor.pid > jail.initPid);
  assert.equal((await run("echo ok")).out, "ok\n");
});

identifierTest("knows a program that connects by IPv6 to an IPv4 address", async (_, identify) => {
  const script = `use Socket qw(:all); socket(S, AF_INET6, SOCK_STREAM, 0) or die;
    connect(S, pack_sockaddr_in6(${PORT}, inet_pton(AF_INET6, "::ffff:127.0.0.1"))) or die; ${READ}`;
  const identity = await identify(`${perl("/usr/bin/perl", script)}; :`);
  assert.equal(codeOf(identity), Deno.realPathSync("/usr/bin/perl"));
});

identifierTest("refuses a program that borrows the port of another one", async (_, identify) => {
  const script = CONNECT.replace(
    "connect(",
    `bind(S, sockaddr_in(0, inet_aton("127.0.0.2"))); connect(`,
  );
  assert.equal(
    codeOf(await identify(`${perl("/usr/bin/perl", script + READ)}; :`)),
    "foreign_address",
  );
});

identifierTest("refuses a program that was deleted", async (_, identify) => {
  const script = `cp /usr/bin/perl p; ${perl("./p", `unlink "p"; ${CONNECT} ${READ}`)}; :`;
  assert.equal(codeOf(await identify(script)), "binary_deleted");
});

identifierTest("refuses a program that was replaced", async (_, identify) => {
  const script = `cp /usr/bin/perl p; cp /usr/bin/perl q;
    ${perl("./p", `rename "q", "p"; ${CONNECT} ${READ}`)}; :`;
  assert.equal(codeOf(await identify(script)), "binary_deleted");
});

identifierTest("takes a name that looks like a deleted one", async (_, identify) => {
  const script = `cp /usr/bin/perl "p (deleted)"; ${
    perl('"./p (deleted)"', `${CONNECT} ${READ}`)
  }; :`;
  assert.equal(codeOf(await identify(script)), "/sandbox/p (deleted)");
});

identifierTest("is not misled by a file named like a deleted one", async (_, identify) => {
  const script = `cp /usr/bin/perl p; cp /usr/bin/perl "p (deleted)";
    ${perl("./p", `unlink "p"; ${CONNECT} ${READ}`)}; :`;
  assert.equal(codeOf(await identify(script)), "binary_deleted");
});

identifierTest("refuses a program that changed after its first use", async (_, identify) => {
  const connect = perl("./p", `${CONNECT} ${READ}`);
  assert.equal(codeOf(await identify(`cp /usr/bin/perl p; ${connect}; :`)), "/sandbox/p");
  const touched = `touch -r p stamp; echo x >> p; touch -r stamp p; ${connect}; :`;
  assert.equal(codeOf(await identify(touched)), "binary_changed");
  assert.equal(codeOf(await identify(`cp /usr/bin/perl p; ${connect}; :`)), "/sandbox/p");
});

identifierTest("refuses a connection that two programs hold", async (_, identify) => {
  // The other program is there before the first one connects.
  const other = `unless (fork) { exec "/bin/sleep", "0.5" } select(undef, undef, undef, 0.1);`;
  const script = CONNECT.replace("connect(", `${other} connect(`);
  assert.equal(
    codeOf(await identify(`${perl("/usr/bin/perl", script + READ)}; :`)),
    "caller_ambiguous",
  );
});

identifierTest("does not know a connection that is not there", async ({ jail }) => {
  using identifier = new CallerIdentifier({ jail, proxyPort: PORT });
  assert.equal(
    codeOf(await identifier.identify({ hostname: "127.0.0.1", port: 1 })),
    "connection_not_found",
  );
});

jailTest(
  "KernelProcessTable.hash() knows no content of another file",
  () =>
    withJail(async ({ jail }) => {
      using table = new KernelProcessTable(jail.initPid);
      const look = table.look(1);
      assert.ok(look !== null);
      assert.match(await table.hash(1, look.identity) ?? "", /^[0-9a-f]{64}$/);
      assert.equal(await table.hash(1, { ...look.identity, version: "another" }), null);
      assert.deepEqual([table.look(9999), await table.hash(9999, look.identity)], [null, null]);
    }),
);

Deno.test("CallerIdentifier fails where there is no such sandbox", () => {
  const identifier = () =>
    new CallerIdentifier({ jail: { initPid: 2 ** 30, socketTable: -1 }, proxyPort: PORT });
  assert.throws(identifier, { name: "ProcReadError" });
});
