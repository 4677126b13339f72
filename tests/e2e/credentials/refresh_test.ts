/**
 * Credentials that the gateway makes anew, with a real sandbox: a program keeps one placeholder over
 * all values, and what values are made with stays at the gateway.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import { CURL, policy } from "../support/policies.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";

const SERVER = new URL("./support/token_server.ts", import.meta.url).pathname;
const PORT = 18_090;
/** This machine, by a name that only its own bundle of certificates vouches for. */
const TOKEN_HOST = "loopback.example.com";

const HOST = "api.example.com";
const KEY = "MS_GRAPH_ACCESS_TOKEN";
const MAIL = ["microsoft-mail", "--credential-key", KEY];

/** Found again wherever they should not be. */
const FIRST_REFRESH = `refresh-${crypto.randomUUID()}`;
const FIRST_ACCESS = `access-${crypto.randomUUID()}`;

const ROTATIONS = 12;

/** What the token server gave. */
interface Given {
  readonly kind: string;
  readonly access_token: string;
  readonly refresh_token: string;
}

interface Status {
  readonly status: string;
  readonly strategy: string;
  readonly expires_at_ms: number;
  readonly next_refresh_at_ms: number;
  readonly last_refresh_at_ms: number;
  readonly last_error: string;
}

/** A mailbox, as a person writes its profile; the servers are those of the test. */
function profile(id: string, { key, tokenPath, strategy, material }: {
  readonly key: string;
  readonly tokenPath: string;
  readonly strategy: string;
  readonly material: readonly string[];
}): string {
  return `id: ${id}
display_name: ${id}
category: messaging
credentials:
  - name: access_token
    env_vars: [${key}]
    required: true
    auth_style: bearer
    refresh:
      strategy: ${strategy}
      token_url: https://${TOKEN_HOST}:${PORT}${tokenPath}
      scopes: [https://graph.microsoft.com/.default]
      refresh_before_seconds: 600
      max_lifetime_seconds: 3600
      material:
${material.map((line) => `        - ${line}`).join("\n")}
endpoints:
  - { host: ${HOST}, port: 443, protocol: rest, access: read-only, enforcement: enforce }
binaries: [${CURL}]
`;
}

/**
 * Asks again and again, with the placeholder that it was started with. The provider's rule comes a
 * moment after the sandbox has started: what counts begins with the first answer.
 */
const ASKER = `ask() {
  curl -sS -m 15 -o /dev/null -w '%{http_code}\\n' -H "authorization: Bearer $${KEY}" \\
    "https://${HOST}/v1.0/me/messages"
}
until [ "$(ask)" = 200 ]; do sleep 0.1; done
while sleep 0.1; do ask >>/tmp/statuses; done`;

sandboxSuite("refresh", async (suite) => {
  const { world, step } = suite;
  const recordFile = `${world.folder}/tokens.jsonl`;
  const server = await startServer(suite, recordFile);
  try {
    await waitFor("the token server", () => isThere(recordFile), 60_000);
    await stepsOfConfiguring(suite);
    const flags = ["--provider", "microsoft-mail"];
    const command = ["bash", "-c", ASKER];
    await world.machine.create("box", { policy: policy({}), flags, command });
    await stepsOfUse(suite, recordFile);
    await stepsOfRefusals(suite);
    const before = await restartGateway(suite, recordFile);
    await stepsOfEnds(suite, recordFile);
    await step("the gateway that was restarted makes the next value by itself", async () => {
      const count = async () => (await givenTo(recordFile, "short")).length;
      await waitFor("the next value", async () => await count() > before, 60_000);
    });
    await step("nothing of it is in a file of the machine", () => checkFiles(suite, recordFile));
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
}, { alsoRootless: false });

async function startServer({ world }: Suite, recordFile: string): Promise<Deno.ChildProcess> {
  const { certificateFile, keyFile } = await world.authority.issue("tokens", [TOKEN_HOST]);
  const deno = [Deno.execPath(), "run", "-A", "--no-lock", "--no-config", SERVER];
  const [program = "", ...args] = world.pair.onMachine(
    [...deno, String(PORT), recordFile, FIRST_REFRESH, certificateFile, keyFile],
  );
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "inherit" })
    .spawn();
}

/** The journey of Microsoft Graph: setting, profile, provider, configure, rotate, status. */
async function stepsOfConfiguring({ world: { machine }, step }: Suite): Promise<void> {
  await step("a profile says where tokens come from", async () => {
    const setting = ["--global", "--key", "providers_v2_enabled", "--value", "true"];
    await machine.must(["settings", "set", ...setting, "--yes"]);
    const material = [
      "{ name: tenant_id, required: true }",
      "{ name: client_id, required: true }",
      "{ name: refresh_token, required: true, secret: true }",
    ];
    const shape = { key: KEY, tokenPath: "/token", strategy: "oauth2_refresh_token", material };
    const file = await machine.writeFile("mail.yaml", profile("microsoft-graph-mail", shape));
    await machine.must(["provider", "profile", "lint", "-f", file]);
    await machine.must(["provider", "profile", "import", "-f", file]);
  });

  await step("a provider of it is configured, and shows no secret", async () => {
    const make = ["--name", "microsoft-mail", "--type", "microsoft-graph-mail"];
    await machine.must(["provider", "create", ...make, "--credential", KEY], {
      env: { [KEY]: FIRST_ACCESS },
    });
    const made = await machine.run([
      ...["provider", "refresh", "configure", ...MAIL, "--strategy", "oauth2-refresh-token"],
      ...["--material", "tenant_id=common", "--material", "client_id=the-client"],
      ...["--secret-material-env", "refresh_token=MS_REFRESH_TOKEN"],
      ...["--credential-expires-at", new Date(Date.now() + 3_600_000).toISOString()],
    ], { env: { MS_REFRESH_TOKEN: FIRST_REFRESH } });
    assert.equal(made.code, 0, made.stderr);
    assert.ok(!`${made.stdout}${made.stderr}`.includes(FIRST_REFRESH));
    assert.match(made.stdout, /microsoft-mail +MS_GRAPH_ACCESS_TOKEN +oauth2-refresh-token +conf/);
  });

  await step("rotate makes a value, and status says so", async () => {
    await machine.must(["provider", "refresh", "rotate", ...MAIL]);
    const { status, strategy, last_error, ...times } = await statusOf(machine, MAIL);
    assert.deepEqual([status, strategy, last_error], ["refreshed", "oauth2-refresh-token", ""]);
    const lives = times.expires_at_ms - times.last_refresh_at_ms;
    assert.equal(lives, 3_600_000);
    assert.equal(times.expires_at_ms - times.next_refresh_at_ms, 600_000);
  });
}

async function stepsOfUse({ world, step }: Suite, recordFile: string): Promise<void> {
  const { machine, origins } = world;
  const handles = async () => {
    const main = `tr '\\0' '\\n' </proc/$(pgrep -of until)/environ | grep ^${KEY}=`;
    const { stdout } = await machine.exec("box", `${main}; echo ${KEY}=$${KEY}`);
    return stdout.trim().split("\n");
  };
  const reachesOrigin = async () => {
    const [token] = (await givenTo(recordFile, "rotated")).slice(-1);
    const received = () => origins.received(`Bearer ${token!.access_token}`);
    await waitFor("the value to be used", received, 60_000);
  };
  let before: readonly string[] = [];
  await step(
    "a program has a stable placeholder, and reads mail by the provider's rule",
    async () => {
      before = await handles();
      assert.match(
        before[0]!,
        /^MS_GRAPH_ACCESS_TOKEN=openshell:resolve:env:s[0-9a-f]{64}_MS_GRAPH_/,
      );
      assert.equal(before[0], before[1]);
      await reachesOrigin();
      assert.ok(!await origins.received(FIRST_ACCESS));
    },
  );

  await step(`it has the same one over ${ROTATIONS} rotations, and no request fails`, async () => {
    for (let number = 1; number <= ROTATIONS; number++) {
      await machine.must(["provider", "refresh", "rotate", ...MAIL]);
      await reachesOrigin();
    }
    assert.equal((await givenTo(recordFile, "rotated")).length, ROTATIONS + 1);
    assert.deepEqual(await handles(), before);
    const { stdout } = await machine.exec("box", "sort -u /tmp/statuses");
    assert.equal(stdout, "200\n");
  });
}

async function stepsOfRefusals({ world: { machine }, step }: Suite): Promise<void> {
  await step("nobody else sets what the gateway makes", async () => {
    const update = ["provider", "update", "microsoft-mail", "--credential", KEY];
    const refused = await machine.run(update, { env: { [KEY]: "mine" } });
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /the gateway makes its values itself/);
    assert.match(refused.stderr, /provider refresh delete microsoft-mail --credential-key/);
  });

  await step("a token server that refuses is told by its code alone", async () => {
    const failed = await failToRotate(machine, "refused", "not-the-refresh-token");
    assert.match(failed, /refused: invalid_grant/);
    assert.ok(!/not known|not-the/.test(failed));
    const { status, last_error, ...times } = await statusOf(machine, ["refused"]);
    assert.deepEqual([status, last_error], ["error", "the token server refused: invalid_grant"]);
    assert.ok(times.next_refresh_at_ms > Date.now() + 20_000, "it waits before it asks again");
  });
}

/** Lets the gateway make a short value, and kills it. Returns how many it had made. */
async function restartGateway({ world, step }: Suite, recordFile: string): Promise<number> {
  const { machine } = world;
  const count = async () => (await givenTo(recordFile, "short")).length;
  let before = 0;
  await step("the gateway makes the first value by itself", async () => {
    const material = ["{ name: client_id }", "{ name: client_secret, secret: true }"];
    const strategy = "oauth2_client_credentials";
    const shape = { key: "SHORT_TOKEN", tokenPath: "/short/token", strategy, material };
    await machine.must([
      ...["provider", "profile", "import", "-f"],
      await machine.writeFile("short.yaml", profile("short-lived", shape)),
    ]);
    const make = ["--name", "short", "--type", "short-lived", "--runtime-credentials"];
    await machine.must(["provider", "create", ...make]);
    await machine.must([
      ...["provider", "refresh", "configure", "short", "--credential-key", "SHORT_TOKEN"],
      ...["--strategy", "oauth2-client-credentials", "--material", "client_id=the-client"],
      ...["--secret-material-env", "client_secret=CLIENT_SECRET"],
    ], { env: { CLIENT_SECRET: FIRST_REFRESH } });
    await waitFor("its status", async () => {
      return (await statusOf(machine, ["short"])).status === "refreshed";
    }, 60_000);
    await machine.killGateway();
    before = await count();
    await machine.startGateway();
    await machine.waitForPhase("box", "Ready");
  });
  return before;
}

async function stepsOfEnds({ world, step }: Suite, recordFile: string): Promise<void> {
  const { machine, origins } = world;
  await step("another authorization ends the placeholder of the former", async () => {
    const [last] = (await givenTo(recordFile, "rotated")).slice(-1);
    await machine.must([
      ...["provider", "refresh", "configure", ...MAIL, "--strategy", "oauth2-refresh-token"],
      ...["--material", "tenant_id=common", "--material", "client_id=the-client"],
      ...["--secret-material-env", "refresh_token=MS_REFRESH_TOKEN"],
    ], { env: { MS_REFRESH_TOKEN: last!.refresh_token } });
    const isRefused = async () => {
      return (await machine.exec("box", "tail -n 1 /tmp/statuses")).stdout === "403\n";
    };
    await waitFor("the end of the placeholder", isRefused, 60_000);
    await origins.clear();
    await machine.exec(
      "box",
      ": >/tmp/statuses; until [ $(wc -l </tmp/statuses) -gt 1 ]; do :; done",
    );
    assert.ok(await isRefused());
    assert.ok(!await origins.received("Bearer "));
  });

  await step("programs that start have the next one", async () => {
    await machine.must(["provider", "refresh", "rotate", ...MAIL]);
    const [token] = (await givenTo(recordFile, "rotated")).slice(-1);
    const script = `curl -sS -m 15 -H "authorization: Bearer $${KEY}" https://${HOST}/again`;
    await waitFor("the value", async () => {
      await machine.exec("box", script);
      return await origins.received(`Bearer ${token!.access_token}`);
    }, 60_000);
  });

  await step("what is not made any more is the provider's again", async () => {
    await machine.must(["provider", "refresh", "delete", ...MAIL]);
    const shown = await machine.run(["provider", "refresh", "status", "microsoft-mail"]);
    assert.match(shown.stderr, /has no refresh/);
    await waitFor("a plain placeholder", async () => {
      const { stdout } = await machine.exec("box", `echo $${KEY}`);
      return stdout.trim() === `openshell:resolve:env:${KEY}`;
    }, 60_000);
    const args = ["provider", "update", "microsoft-mail", "--credential", KEY];
    await machine.must(args, { env: { [KEY]: FIRST_ACCESS } });
  });
}

/** Returns what a rotation of a provider of its own says, which has to fail. */
async function failToRotate(
  machine: Suite["world"]["machine"],
  name: string,
  refreshToken: string,
): Promise<string> {
  const material = ["{ name: client_id }"];
  const key = `${name.toUpperCase()}_TOKEN`;
  const shape = { key, tokenPath: "/token", strategy: "oauth2_refresh_token", material };
  const file = await machine.writeFile(`${name}.yaml`, profile(`type-of-${name}`, shape));
  await machine.must(["provider", "profile", "import", "-f", file]);
  const make = ["--name", name, "--type", `type-of-${name}`, "--runtime-credentials"];
  await machine.must(["provider", "create", ...make]);
  const credential = [name, "--credential-key", key];
  await machine.must([
    ...["provider", "refresh", "configure", ...credential, "--strategy", "oauth2-refresh-token"],
    ...["--material", "client_id=the-client", "--secret-material-env", "refresh_token"],
  ], { env: { refresh_token: refreshToken } });
  const { code, stdout, stderr } = await machine.run([
    "provider",
    "refresh",
    "rotate",
    ...credential,
  ]);
  assert.notEqual(code, 0);
  return stdout + stderr;
}

async function statusOf(
  machine: Suite["world"]["machine"],
  flags: readonly string[],
): Promise<Status> {
  const shown = await machine.must(["provider", "refresh", "status", ...flags, "-o", "json"]);
  const [status] = JSON.parse(shown);
  return status;
}

async function checkFiles(
  { world: { machine } }: Suite,
  recordFile: string,
): Promise<void> {
  const all = await givenTo(recordFile);
  const secrets = [FIRST_REFRESH, FIRST_ACCESS].concat(
    all.flatMap(({ access_token, refresh_token }) => [access_token, refresh_token]),
  );
  const files = [...Deno.readDirSync(machine.folder)].map(({ name }) => name)
    .filter((name) => !["cache", "openshell", "tokens.jsonl"].includes(name));
  const events: string[] = [];
  for (const path of files.flatMap((name) => walk(`${machine.folder}/${name}`))) {
    const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
    const found = secrets.find((secret) => text.includes(secret));
    assert.equal(found, undefined, path);
    if (path.endsWith("gateway/events/gateway.jsonl")) events.push(text);
  }
  const text = events.join("");
  assert.match(text, /microsoft-mail: MS_GRAPH_ACCESS_TOKEN to be made anew by oauth2_refresh_t/);
  assert.match(text, /microsoft-mail: MS_GRAPH_ACCESS_TOKEN made anew, by /);
  assert.match(text, /short: SHORT_TOKEN made anew, as due/);
  assert.match(text, /refused: REFUSED_TOKEN could not be made anew/);
}

/** Files below a path. */
function walk(path: string): readonly string[] {
  const { isFile, isDirectory } = Deno.lstatSync(path);
  if (isFile) return [path];
  if (!isDirectory) return [];
  return [...Deno.readDirSync(path)].flatMap(({ name }) => walk(`${path}/${name}`));
}

async function givenTo(recordFile: string, kind?: string): Promise<readonly Given[]> {
  const lines = (await Deno.readTextFile(recordFile)).split("\n").filter((line) => line !== "");
  const all: readonly Given[] = lines.map((line) => JSON.parse(line));
  return all.filter((given) => kind === undefined || given.kind === kind);
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
