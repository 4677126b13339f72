import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { CredentialSet } from "../../drivers/supervisor/credentials/credential_set.ts";
import { findUninspected as findAtSupervisor } from "../../drivers/supervisor/egress/credential_gate.ts";
import { findUninspected as findAtGateway } from "../../gateway/providers/credential_gate.ts";
import { changeOf, openProviderFixture } from "../../gateway/providers/fixture.ts";
import { parsePolicy } from "../../policy-wasm/parse_policy.ts";
import { GetSandboxProviderEnvironmentResponseSchema } from "../../proto/gen/openshell/v1/openshell_pb.ts";

const REST = "protocol: rest, access: full";
const MEANT = "allow_uninspected_credentials: true";

/** Endpoints of one rule, and whether a supervisor may not load them beside the credentials. */
const ROWS = [
  { endpoints: [`host: api.github.com, port: 443, ${REST}`], isRefused: false },
  { endpoints: ["host: api.github.com, port: 443"], isRefused: true },
  { endpoints: ["host: API.GITHUB.COM, port: 443"], isRefused: true },
  { endpoints: ["host: api.github.com, port: 443, protocol: tcp"], isRefused: true },
  { endpoints: ["host: api.github.com, port: 443, tls: skip"], isRefused: true },
  { endpoints: [`host: api.github.com, port: 443, tls: skip, ${MEANT}`], isRefused: false },
  { endpoints: ["host: api.github.com, port: 8443"], isRefused: false },
  { endpoints: ["host: api.github.com, ports: [80, 443]"], isRefused: true },
  { endpoints: ["host: other.example.com, port: 443"], isRefused: false },
  { endpoints: ['host: "*.github.com", port: 443'], isRefused: true },
  { endpoints: ["port: 443, allowed_ips: [203.0.113.0/24]"], isRefused: true },
  {
    endpoints: [
      `host: bound.example.com, port: 443, ${REST}, credential_binding: { provider: own }`,
      'host: "*.example.com", port: 443',
    ],
    isRefused: true,
  },
  {
    endpoints: [
      `host: bound.example.com, port: 443, ${REST}, credential_binding: { provider: another }`,
      'host: "*.example.com", port: 443',
    ],
    isRefused: false,
  },
];

Deno.test.each(ROWS.map((row) => ({ ...row, name: row.endpoints.join("; ") })))(
  "gateway and supervisor judge credentials beside $name alike",
  async ({ endpoints, isRefused }) => {
    const lines = endpoints.map((endpoint) => `      - { ${endpoint} }\n`).join("");
    const text = `version: 1\nnetwork_policies:\n  rule:\n    endpoints:\n${lines}` +
      "    binaries: [{ path: /usr/bin/curl }]\n";
    const { policy, diagnostics } = parsePolicy(text);
    assert.ok(policy !== null, JSON.stringify(diagnostics));
    const { providers, delivery, layered, addSandbox, close } = openProviderFixture();
    try {
      const type = "github";
      await providers.create(changeOf("gh", { type, credentials: { GITHUB_TOKEN: "t" } }));
      await providers.create(changeOf("own", { credentials: { OWN_TOKEN: "t" } }));
      const id = await addSandbox("box", ["gh", "own"], text);
      const message = create(
        GetSandboxProviderEnvironmentResponseSchema,
        await delivery.environmentOf(id),
      );
      const atSupervisor = findAtSupervisor(policy.rules, new CredentialSet(message));
      const records = await providers.list({ workspace: null, limit: 10, offset: 0 });
      const atGateway = findAtGateway(policy, await layered.profiled(records));
      assert.deepEqual([atSupervisor.length > 0, atGateway.length > 0], [isRefused, isRefused]);
    } finally {
      await close();
    }
  },
);
