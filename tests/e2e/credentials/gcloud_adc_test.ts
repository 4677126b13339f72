/**
 * A person's grant to `gcloud`: the gateway makes tokens from it, and a program in a sandbox gets
 * them from the metadata server as placeholders.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import { ANYONE, policy, rest } from "../support/policies.ts";
import { runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";
import { ADDRESSES } from "../support/world.ts";

const SERVER = new URL("./support/google_server.ts", import.meta.url).pathname;
const TOKEN_HOST = "oauth2.googleapis.com";
const HOST = "api.example.com";

/** Found again wherever they should not be. */
const REFRESH_TOKEN = `1//refresh-${crypto.randomUUID()}`;
const ACCESS_TOKEN = `ya29.access-${crypto.randomUUID()}`;

const POLICY = policy({
  google: {
    endpoints: [rest(HOST, 443, { access: "full", credential_binding: { provider: "cloud" } })],
    binaries: ANYONE,
  },
});

const CREATE = ["provider", "create", "--type", "google-cloud", "--from-gcloud-adc", "--name"];

function grant(refreshToken: string): string {
  return JSON.stringify({
    type: "authorized_user",
    client_id: "client.apps.example.com",
    client_secret: "client-secret",
    refresh_token: refreshToken,
  });
}

sandboxSuite("a grant to gcloud", stepsOfGrant, { alsoRootless: false });

async function stepsOfGrant(suite: Suite): Promise<void> {
  const { world: { machine } } = suite;
  const server = await startServer(suite);
  try {
    await stepsOfFailures(suite);
    await suite.step("a grant becomes a provider that has a token", async () => {
      const file = await machine.writeFile("adc.json", grant(REFRESH_TOKEN));
      const made = await machine.run([...CREATE, "cloud", "-o", "json"], {
        env: { GOOGLE_APPLICATION_CREDENTIALS: file },
      });
      assert.equal(made.code, 0, made.stderr);
      const { credential_keys, credential_expires_at_ms } = JSON.parse(made.stdout);
      assert.deepEqual(credential_keys, ["GCP_ADC_ACCESS_TOKEN"]);
      const leftMs = credential_expires_at_ms.GCP_ADC_ACCESS_TOKEN - Date.now();
      assert.ok(leftMs > 1_500_000 && leftMs <= 1_800_000, String(leftMs));
      assert.ok(!/1\/\/refresh|ya29/.test(`${made.stdout}${made.stderr}`));
      await Deno.remove(file);
    });
    await machine.create("box", { policy: POLICY, flags: ["--provider", "cloud"] });
    await stepsOfUse(suite);
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
}

/** Starts it where the machine's own names find it, trusted by the gateway. */
async function startServer({ world }: Suite): Promise<Deno.ChildProcess> {
  const { authority, pair, folder } = world;
  const { certificateFile, keyFile } = await authority.issue("google", [TOKEN_HOST]);
  await Deno.writeTextFile(`${folder}/hosts`, `${ADDRESSES.bench} ${TOKEN_HOST}\n`, {
    append: true,
  });
  const deno = [Deno.execPath(), "run", "-A", "--no-lock", "--no-config", SERVER];
  const [program = "", ...args] = pair.onInternet([
    ...[...deno, ADDRESSES.bench, certificateFile, keyFile, REFRESH_TOKEN, ACCESS_TOKEN],
  ]);
  const server = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = server.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return server;
}

async function stepsOfFailures({ world: { machine }, step }: Suite): Promise<void> {
  await step("a grant that has ended leaves nothing", async () => {
    const ended = `1//ended-${crypto.randomUUID()}`;
    const file = await machine.writeFile("ended.json", grant(ended));
    const failed = await machine.run([...CREATE, "ended"], {
      env: { GOOGLE_APPLICATION_CREDENTIALS: file },
    });
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /invalid_grant[^]*gcloud auth application-default login/);
    assert.ok(!`${failed.stdout}${failed.stderr}`.includes(ended));
    assert.equal(await machine.must(["provider", "list", "--names"]), "");
  });

  await step("a file that is something else is not sent", async () => {
    const key = JSON.stringify({ type: "service_account", private_key: REFRESH_TOKEN });
    const folder = `${machine.home}/.config/gcloud`;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/application_default_credentials.json`, key);
    const failed = await machine.run([...CREATE, "robot"]);
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /its type is service_account/);
    assert.ok(!failed.stderr.includes(REFRESH_TOKEN));
    await Deno.remove(folder, { recursive: true });
  });
}

async function stepsOfUse({ world, step }: Suite): Promise<void> {
  const { machine, origins } = world;
  const ask = `token=$(curl -sS -m 15 -H 'Metadata-Flavor: Google' ` +
    `"http://$GCE_METADATA_HOST/computeMetadata/v1/instance/service-accounts/default/token")
echo "$token"
bearer=$(echo "$token" | sed -E 's/.*"access_token":"([^"]+)".*/\\1/')
curl -sS -m 15 -w '\\nstatus %{http_code}\\n' -H "authorization: Bearer $bearer" https://${HOST}/use`;

  await step("a program gets a placeholder with what is left of the token", async () => {
    const [seen] = await runScripts(machine, "box", [ask]);
    const { output } = seen!;
    assert.match(output, /"openshell:resolve:env:s[0-9a-f]{64}_GCP_ADC_ACCESS_TOKEN"/, output);
    const seconds = Number(/"expires_in":(\d+)/.exec(output)?.[1]);
    assert.ok(seconds > 1_500 && seconds <= 1_800, output);
    assert.match(output, /status 200/);
    assert.ok(await origins.received(`Bearer ${ACCESS_TOKEN}`));
    assert.ok(!output.includes(ACCESS_TOKEN));
  });

  await step("the grant and the token are in no file of the machine", async () => {
    await waitFor("the events", async () => (await machine.events("box")).length > 0);
    const grep = ["grep", "-rlaF", "-e", REFRESH_TOKEN, "-e", ACCESS_TOKEN];
    const found = await machine.runOnMachine([...grep, `${machine.folder}/state`, machine.home]);
    assert.deepEqual([found.code, found.stdout], [1, ""]);
  });
}
