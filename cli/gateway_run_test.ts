import assert from "node:assert/strict";
import { type FakeGateway, fakeGateway, sampleSandbox } from "../gateway/client/fake_gateway.ts";
import type { FoundGateway } from "../gateway/client/connect_gateway.ts";
import { GatewayError } from "../gateway/client/gateway_error.ts";
import { localTarget } from "../gateway/client/resolve_gateway.ts";
import { PROGRAM } from "./commands.ts";
import { type FakeContext, fakeContext, type FakeOptions } from "./fake_context.ts";
import { runProgram } from "./run_program.ts";

type Run = (line: string, env?: Readonly<Record<string, string>>) => Promise<{
  readonly code: number;
  readonly context: FakeContext;
}>;

/** Runs with a home of its own, which has the files of a local gateway. */
async function inHome(
  use: (run: Run, home: string) => Promise<void>,
  options: FakeOptions = {},
): Promise<void> {
  const home = await Deno.makeTempDir();
  const tls = `${home}/.local/state/openshell/tls`;
  await Deno.mkdir(`${tls}/client`, { recursive: true });
  await Deno.writeTextFile(`${tls}/ca.crt`, "CA");
  await Deno.writeTextFile(`${tls}/client/tls.crt`, "CERT");
  await Deno.writeTextFile(`${tls}/client/tls.key`, "KEY");
  const run: Run = async (line, env = {}) => {
    const variables = { HOME: home, OPENSHELL_SYSTEM_GATEWAY_DIR: `${home}/system`, ...env };
    const context = fakeContext({ env: variables, ...options });
    return { code: await runProgram(PROGRAM, line.split(" "), context), context };
  };
  try {
    await use(run, home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("gateway add registers, imports certificates and makes it active", async () => {
  await inHome(async (run, home) => {
    const added = await run("gateway add https://127.0.0.1:17670 --local");
    assert.equal(added.code, 0);
    assert.match(added.context.err(), /Certificates are from .*tls"\n✓ Added gateway "openshell"/);
    const key = `${home}/.config/openshell/gateways/openshell/mtls/tls.key`;
    assert.equal(await Deno.readTextFile(key), "KEY");
    await run("gateway add https://gw.example.com --remote me@gw.example.com");
    await run("gateway add http://127.0.0.1:80 --name plain");
    const list = JSON.parse((await run("gateway list -o json")).context.out());
    const summary = list.map((one: Readonly<Record<string, unknown>>) =>
      [one["name"], one["type"], one["auth"], one["active"], one["remote_host"]].join(" ")
    );
    assert.deepEqual(summary, [
      "gw.example.com remote mtls false me@gw.example.com",
      "openshell local mtls false ",
      "plain local plaintext true ",
    ]);
    assert.match((await run("gateway list")).context.out(), /\n\* +plain +http:/);
  });
});

Deno.test.each([
  { line: "https://gw.example.com", code: 1, says: /cannot sign in by "browser"/ },
  { line: "https://a --oidc-issuer https://b", code: 1, says: /cannot sign in by "oidc"/ },
  { line: "ssh://me@host:22", code: 1, says: /cannot sign in by "ssh"/ },
  { line: "https://127.0.0.1 --local --remote x", code: 2, says: /together/ },
  { line: "nonsense", code: 2, says: /should be https/ },
  { line: "https://127.0.0.1 --name a/b", code: 2, says: /a name has letters/ },
])("gateway add $line is refused", async ({ line, code, says }) => {
  await inHome(async (run) => {
    const ran = await run(`gateway add ${line}`);
    assert.equal(ran.code, code);
    assert.match(ran.context.err(), says);
    assert.match((await run("gateway list")).context.out(), /No gateway is registered/);
  });
});

Deno.test("gateway add without certificates, or a second time, leaves nothing", async () => {
  await inHome(async (run) => {
    const env = { OPENSHELL_LOCAL_TLS_DIR: "/nowhere" };
    assert.equal((await run("gateway add https://127.0.0.1 --local", env)).code, 1);
    assert.match((await run("gateway list")).context.out(), /No gateway/);
    assert.equal((await run("gateway add https://127.0.0.1 --local")).code, 0);
    assert.match((await run("gateway add https://[::1] --local")).context.err(), /it exists/);
  });
});

Deno.test("gateway select and remove", async () => {
  await inHome(async (run) => {
    await run("gateway add https://127.0.0.1 --local --name a");
    await run("gateway add https://127.0.0.1 --local --name b");
    assert.equal((await run("gateway select a")).code, 0);
    const warned = await run("gateway select b", { OPENSHELL_GATEWAY: "a" });
    assert.match(warned.context.err(), /OPENSHELL_GATEWAY is set to "a" and wins/);
    assert.equal((await run("gateway select nope")).code, 1);
    assert.match((await run("gateway select")).context.out(), /\n\* +b /);
    assert.equal((await run("gateway remove a")).code, 0);
    assert.equal((await run("gateway remove")).code, 0);
    assert.equal((await run("gateway remove")).code, 2);
    assert.equal((await run("gateway remove a")).code, 1);
  });
});

Deno.test("gateway info tells version and drivers", async () => {
  await inHome(async (run) => {
    const json = JSON.parse((await run("gateway info -o json")).context.out());
    assert.deepEqual(json, {
      gateway: "openshell",
      server: "https://127.0.0.1:17670",
      auth: "mtls",
      status: "healthy",
      version: "1.2.3",
      compute_drivers: [{
        name: "embedded",
        capabilities: { driver_name: "embedded", driver_version: "1.2.3" },
      }],
    });
    assert.match((await run("gateway info")).context.out(), /Driver: +embedded 1\.2\.3\n$/);
  });
});

function found(gateway: FakeGateway | null): FakeOptions {
  const target = localTarget(() => "/nowhere");
  const find = (): Promise<FoundGateway> => Promise.resolve({ target, gateway });
  return { gateways: { find } };
}

Deno.test("gateway stop does nothing where none runs", async () => {
  await inHome(async (run) => {
    const { code, context } = await run("gateway stop");
    assert.equal(code, 0);
    assert.match(context.err(), /does not run/);
  }, found(null));
});

Deno.test("gateway stop ends no process that is not the gateway that answered", async () => {
  const gateway = fakeGateway({ sandboxes: [sampleSandbox()] });
  await inHome(async (run) => {
    const { code, context } = await run("gateway stop");
    assert.equal(code, 1);
    assert.match(context.err(), /replaced by another one/);
  }, found(gateway));
});

Deno.test("gateway stop ends the gateway and tells what goes on", async () => {
  const gateway = fakeGateway({ sandboxes: [sampleSandbox()] });
  await inHome(async (run, home) => {
    // A process of ours stands in for the gateway.
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    const folder = `${home}/.local/state/openshell/gateway`;
    await Deno.mkdir(folder);
    const record = { endpoint: gateway.endpoint, pid: child.pid, version: "1" };
    await Deno.writeTextFile(`${folder}/endpoint.json`, JSON.stringify(record));
    const { code, context } = await run("gateway stop");
    assert.equal((await child.status).signal, "SIGTERM");
    assert.equal(code, 0);
    assert.match(context.err(), /✓ Stopped[^]*1 sandbox goes on running/);
  }, found(gateway));
});

Deno.test.each([
  { name: "healthy", gateway: fakeGateway(), code: 0, status: "connected", auth: "authenticated" },
  {
    name: "plain",
    gateway: fakeGateway({ auth: "plaintext" }),
    code: 0,
    status: "connected",
    auth: "not_required",
  },
  {
    name: "strange",
    gateway: fakeGateway({
      currentUser: () => Promise.reject(new GatewayError("permission_denied", "Cannot: who?")),
    }),
    code: 1,
    status: "error",
    auth: "failed",
  },
  {
    name: "older",
    gateway: fakeGateway({
      currentUser: () => Promise.reject(new GatewayError("failed_precondition", "no call")),
    }),
    code: 0,
    status: "connected",
    auth: "unverified",
  },
  {
    name: "gone",
    gateway: fakeGateway({
      health: () => Promise.reject(new GatewayError("unavailable", "Cannot: gone")),
    }),
    code: 1,
    status: "disconnected",
    auth: "unverified",
  },
  { name: "off", gateway: null, code: 0, status: "not_configured", auth: "unverified" },
])("status of a gateway that is $name is $status", async ({ gateway, code, status, auth }) => {
  await inHome(async (run) => {
    const ran = await run("status -o json");
    const value = JSON.parse(ran.context.out());
    assert.deepEqual([ran.code, value.status, value.authentication.status], [code, status, auth]);
    assert.match((await run("status")).context.out(), new RegExp(`Status: +${status}\n`));
  }, found(gateway));
});

Deno.test("doctor shows what the look found, with fixes, and fails for what is needed", async () => {
  const checks = (required: boolean) =>
    `printf '{"checks":[{"name":"landlock","ok":false,"required":${required},` +
    `"detail":"it is off","fix":"Turn it on"}]}'`;
  const options = (script: string) => ({
    ...found(fakeGateway()),
    machine: { command: ["sh", "-c", script] },
  });
  await inHome(async (run) => {
    const { code, context } = await run("doctor");
    assert.equal(code, 1);
    assert.match(context.out(), /✗ landlock: it is off\n {2}fix: Turn it on\n✓ gateway: /);
    assert.equal((await run("doctor check -o json")).code, 1);
  }, options(checks(true)));
  await inHome(async (run) => {
    const { code, context } = await run("doctor");
    assert.equal(code, 0);
    assert.match(context.out(), /! landlock: it is off\n[^]*✓ machine: .*\n✓ gateway: /);
  }, options(checks(false)));
  await inHome(async (run) => {
    const { code, context } = await run("doctor");
    assert.equal(code, 1);
    assert.match(context.out(), /✗ machine: Cannot look at this machine/);
  }, options("exit 3"));
});
