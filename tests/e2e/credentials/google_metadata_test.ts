/**
 * The emulated metadata server of Google Cloud in real sandboxes: programs ask it for a token, get a
 * placeholder, and use it where the policy lets them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitFor } from "../support/commands.ts";
import type { TestMachine } from "../support/openshell.ts";
import { ANYONE, policy, rest } from "../support/policies.ts";
import { curl, probe, runScripts } from "../support/probes.ts";
import { sandboxSuite, type Suite } from "../support/suite.ts";

/** Found again wherever it should not be. */
const CANARY = `ya29.canary-${crypto.randomUUID()}`;
const ROTATED = `ya29.canary-${crypto.randomUUID()}`;

const HOST = "api.example.com";
const PLACEHOLDER = "openshell:resolve:env:GCP_ADC_ACCESS_TOKEN";

const POLICY = policy({
  google: {
    endpoints: [
      rest(HOST, 443, { access: "full", credential_binding: { provider: "cloud" } }),
      rest("other.example.com", 443, { access: "full" }),
    ],
    binaries: ANYONE,
  },
});

const SERVER = "http://127.0.0.1:8174/computeMetadata/v1";
const TOKEN = `${SERVER}/instance/service-accounts/default/token`;
const FLAVOR = ["-H", "Metadata-Flavor: Google"] as const;

/** What client libraries do: they take a token from the server of the variable, and use it. */
const USE_TOKEN =
  `token=$(curl -sS -m 15 -H 'Metadata-Flavor: Google' "http://$GCE_METADATA_HOST/computeMetadata/v1/instance/service-accounts/default/token" |
  sed -E 's/.*"access_token":"([^"]+)".*/\\1/')
curl -sS -m 15 -w '\\nstatus %{http_code}\\n' -H "authorization: Bearer $token" https://${HOST}/use`;

/** Ports on which something listens inside, by the kernel's own list. */
const LISTENING = `cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == "0A" { print $2 }' | sort`;

async function ask(machine: TestMachine, ...scripts: readonly string[]): Promise<string> {
  return (await runScripts(machine, "box", scripts)).map(({ output }) => output).join("");
}

sandboxSuite("the metadata server of Google Cloud", async (suite) => {
  const { machine } = suite.world;
  await machine.must(
    [
      ...["provider", "create", "--name", "cloud", "--type", "google-cloud"],
      ...["--credential", "GCP_ADC_ACCESS_TOKEN", "--config", "project_id=acme-1"],
      ...["--config", "region=europe-west4"],
    ],
    { env: { GCP_ADC_ACCESS_TOKEN: CANARY } },
  );
  await machine.create("box", { policy: POLICY, flags: ["--provider", "cloud"] });
  await stepsOfUse(suite);
  await stepsOfRefusals(suite);
  await stepsOfChanges(suite);
  await stepsOfOthers(suite);
  await stepsOfCanary(suite);
}, { alsoRootless: false });

async function stepsOfUse({ world: { machine, origins }, step }: Suite): Promise<void> {
  await step("programs are led to it", async () => {
    const seen = await ask(machine, "env | sort");
    assert.match(seen, /^GCE_METADATA_HOST=127\.0\.0\.1:8174$/m);
    assert.match(seen, /^GCE_METADATA_IP=127\.0\.0\.1:8174$/m);
    assert.match(seen, /^METADATA_SERVER_DETECTION=assume-present$/m);
    assert.match(seen, /^GOOGLE_CLOUD_PROJECT=acme-1$/m);
  });

  await step("a program gets a placeholder for a token, and the origin the value", async () => {
    const seen = await ask(machine, curl(TOKEN, "-i", ...FLAVOR), USE_TOKEN);
    assert.match(seen, /^Metadata-Flavor: Google\r$/m);
    assert.ok(seen.includes(`{"access_token":"${PLACEHOLDER}","expires_in":3600,`), seen);
    assert.match(seen, /status 200\n$/);
    assert.ok(await origins.received(`Bearer ${CANARY}`));
    assert.ok(!seen.includes(CANARY));
  });

  await step("beside the proxy nothing else listens", async () => {
    assert.equal((await ask(machine, LISTENING)).trim(), "0100007F:0C38\n0100007F:1FEE");
  });

  await step("it says what clients ask for before they ask for a token", async () => {
    const accounts = `${SERVER}/instance/service-accounts`;
    const paths = [
      `${accounts}/`,
      `${accounts}/default/?recursive=true`,
      `${SERVER}/project/project-id`,
    ];
    const seen = await ask(machine, ...paths.map((path) => curl(path, ...FLAVOR)));
    assert.match(seen, /^default\/\n\nstatus 200/m);
    assert.match(seen, /^{"aliases":\["default"\],"email":"default","scopes":\["https:/m);
    assert.match(seen, /^acme-1\nstatus 200/m);
  });
}

async function stepsOfRefusals(suite: Suite): Promise<void> {
  await probe(suite, "box", [
    {
      name: "a request without its header",
      script: curl(TOKEN),
      shows: /flavor_missing[^]*status 403/,
    },
    {
      name: "a request with another flavour",
      script: curl(TOKEN, "-H", "Metadata-Flavor: google"),
      shows: /flavor_missing[^]*status 403/,
    },
    {
      name: "a request that a server has passed on",
      script: curl(TOKEN, ...FLAVOR, "-H", "X-Forwarded-For: 10.0.0.1"),
      shows: /request_forwarded[^]*status 403/,
    },
    {
      name: "a request to change something",
      script: curl(TOKEN, ...FLAVOR, "-d", "x=1"),
      shows: /method_not_allowed[^]*status 405/,
    },
    {
      name: "a number of the project, which nobody here knows",
      script: curl(`${SERVER}/project/numeric-project-id`, ...FLAVOR),
      shows: /not_found[^]*status 404/,
    },
    {
      name: "a head that is too large",
      script: curl(TOKEN, ...FLAVOR, "-H", `X-Long: ${"x".repeat(4096)}`),
      shows: /invalid_request[^]*status 431/,
    },
    {
      name: "the machine's own metadata server, by the proxy",
      script: curl("http://169.254.169.254/computeMetadata/v1/", ...FLAVOR),
      shows: /status 403/,
    },
    {
      name: "the machine's own metadata server, past the proxy",
      script: curl("http://169.254.169.254/", ...FLAVOR, "--noproxy", "*"),
      shows: /status 000/,
    },
    {
      name: "the emulated one by the proxy, which dials from the host",
      script: curl(TOKEN, ...FLAVOR, "--noproxy", ""),
      shows: /status 403/,
    },
  ]);
}

async function stepsOfChanges({ world: { machine, origins }, step }: Suite): Promise<void> {
  const token = curl(TOKEN, ...FLAVOR);

  await step("another value is used by who has the placeholder", async () => {
    await machine.must(["provider", "update", "cloud", "--credential", "GCP_ADC_ACCESS_TOKEN"], {
      env: { GCP_ADC_ACCESS_TOKEN: ROTATED },
    });
    await waitFor("the new value", async () => {
      await ask(machine, USE_TOKEN);
      return await origins.received(`Bearer ${ROTATED}`);
    }, 60_000);
  });

  await step("the lifetime is what is left, and an expired token is none", async () => {
    const expire = async (ms: number) => {
      const at = `GCP_ADC_ACCESS_TOKEN=${Date.now() + ms}`;
      await machine.must(["provider", "update", "cloud", "--credential-expires-at", at]);
    };
    await expire(600_000);
    await waitFor("the lifetime", async () => {
      const seen = await ask(machine, token);
      const [, seconds] = /"expires_in":(\d+)/.exec(seen) ?? [];
      return seconds !== undefined && Number(seconds) <= 600 && Number(seconds) > 300;
    }, 60_000);
    await expire(-1000);
    await waitFor(
      "the end",
      async () => /token_expired[^]*status 503/.test(await ask(machine, token)),
      60_000,
    );
    const never = ["--credential-expires-at", "GCP_ADC_ACCESS_TOKEN=0"];
    await machine.must(["provider", "update", "cloud", ...never]);
  });

  await step("a policy that binds the provider nowhere leaves no token", async () => {
    await machine.setPolicy("box", POLICY.replace("provider: cloud", "provider: nobody"));
    await waitFor(
      "the end of the binding",
      async () => /token_unavailable[^]*status 503/.test(await ask(machine, token)),
      60_000,
    );
    await machine.setPolicy("box", POLICY);
    await waitFor("the token", async () => /status 200/.test(await ask(machine, token)), 60_000);
  });

  await step("what is detached is gone at once, and may come back", async () => {
    await machine.must(["sandbox", "provider", "detach", "box", "cloud"]);
    await waitFor(
      "the revocation",
      async () => /no_google_provider[^]*status 404/.test(await ask(machine, token)),
      60_000,
    );
    await machine.must(["sandbox", "provider", "attach", "box", "cloud"]);
    await waitFor("the token", async () => /status 200/.test(await ask(machine, token)), 60_000);
  });
}

async function stepsOfOthers({ world: { machine }, step }: Suite): Promise<void> {
  const tokenIn = async (name: string) =>
    (await runScripts(machine, name, [curl(TOKEN, ...FLAVOR)]))[0]!.output;

  await step("a sandbox without such a provider has none, until one is attached", async () => {
    await machine.create("bare", { policy: POLICY });
    assert.match(await tokenIn("bare"), /status 000/);
    const [listening] = await runScripts(machine, "bare", [LISTENING]);
    assert.equal(listening!.output.trim(), "0100007F:0C38");
    await machine.must(["sandbox", "provider", "attach", "bare", "cloud"]);
    await waitFor("the server", async () => /status 200/.test(await tokenIn("bare")), 60_000);
    await machine.must(["sandbox", "delete", "bare"]);
  });

  await step("a port that a program has taken is told, and ends nothing", async () => {
    const listen = "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 8174)); " +
      "s.listen(); time.sleep(600)";
    await machine.create("taken", { policy: POLICY, command: ["python3", "-c", listen] });
    const connect = "exec 3<>/dev/tcp/127.0.0.1/8174 && echo open";
    await waitFor("the program", async () => {
      const [seen] = await runScripts(machine, "taken", [connect]);
      return seen!.output.includes("open");
    }, 60_000);
    await machine.must(["sandbox", "provider", "attach", "taken", "cloud"]);
    await waitFor("the finding", async () => {
      const events = await machine.events("taken");
      return JSON.stringify(events).includes("metadata-server-unavailable");
    }, 60_000);
    assert.equal((await machine.sandbox("taken")).phase, "Ready");
    await machine.must(["sandbox", "delete", "taken"]);
  });
}

async function stepsOfCanary({ world: { machine }, step }: Suite): Promise<void> {
  await step("no value is in an environment, an answer or an event", async () => {
    const account = `${SERVER}/?recursive=true`;
    const seen = await ask(
      machine,
      "cat /proc/[0-9]*/environ | tr '\\0' '\\n'",
      curl(account, ...FLAVOR),
      curl(TOKEN, ...FLAVOR),
    );
    const events = JSON.stringify(await machine.events("box"));
    for (const text of [seen, events, await machine.gatewayLog()]) {
      assert.ok(!text.includes(CANARY) && !text.includes(ROTATED));
    }
    assert.match(events, /the metadata server listens at 127\.0\.0\.1:8174/);
  });
}
