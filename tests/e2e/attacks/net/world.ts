/**
 * The sandbox that the network is attacked from.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ANYONE, CURL, rest } from "../../support/policies.ts";
import type { World } from "../../support/world.ts";
import { policiesOf, type SandboxSpec } from "../support/sandbox_spec.ts";

const OPEN_RULES = [
  { allow: { method: "GET", path: "/open/**" } },
  { allow: { method: "POST", path: "/open/in" } },
];

const RULES = {
  api: {
    endpoints: [
      rest("api.example.com", 443, {
        rules: OPEN_RULES,
        deny_rules: [{ method: "*", path: "/open/secret/**" }],
      }),
      rest("api.example.com", 80, { rules: OPEN_RULES }),
    ],
    binaries: ANYONE,
  },
  full: { endpoints: [rest("full.example.com", 443, { access: "full" })], binaries: ANYONE },
  curl_alone: { endpoints: [{ host: "copy.example.com", port: 443 }], binaries: [CURL] },
} as const;

/** Returns the sandbox. */
export function networkSandbox(): SandboxSpec {
  return { name: "attack-net", policies: policiesOf(RULES), prepare };
}

async function prepare({ machine }: World, sandbox: string): Promise<void> {
  const kit = await Deno.readTextFile(new URL("./kit.py", import.meta.url));
  const { code, stderr } = await machine.exec(sandbox, "cat > /sandbox/kit.py", { stdin: kit });
  assert.equal(code, 0, stderr);
}
