/**
 * The whole proxy as the supervisor has it, before a real jail and real servers, for tests.
 *
 * @module
 */

import { endpointOf, policyOf, ruleOf } from "../../../policy-wasm/fixtures.ts";
import type { Policy } from "../../../policy-wasm/policy.ts";
import type { AuditEvent } from "../events/audit_event.ts";
import { type Context, MISSING, withJail } from "../launch/jail_fixture.ts";
import { lookAtPath } from "../launch/look_at_path.ts";
import { dial } from "./dial.ts";
import { expandBinaries, sandboxLinks } from "./expand_binaries.ts";
import { GenerationHolder } from "./generation.ts";
import { CallerIdentifier } from "./identity/caller_identifier.ts";
import { EgressProxy } from "./proxy.ts";
import { connectTls } from "./tls/connect_tls.ts";
import { SandboxAuthority } from "./tls/sandbox_authority.ts";
import { TlsTerminator } from "./tls/tls_terminator.ts";

export const DOOR_PORT = 3128;
export const DOOR_NEEDS = MISSING ??
  (lookAtPath("/usr/bin/curl").kind !== "file"
    ? "needs curl"
    : originAddress() === null
    ? "needs an address"
    : null);
export const ORIGIN = "origin.example.com";

/** Answer of a server at `/large`. */
export const LARGE_BYTES = 8 * 1024 * 1024;

/** An address of this machine that is not loopback, which nothing may reach. */
export function originAddress(): string | null {
  const found = Deno.networkInterfaces().find(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.") && !address.startsWith("169.254.")
  );
  return found?.address ?? null;
}

export interface Door {
  readonly proxy: EgressProxy;
  readonly events: readonly AuditEvent[];
  readonly generations: GenerationHolder;
  readonly policy: Policy;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** The authority whose certificates programs in the sandbox have to trust. */
  readonly caPem: string;
}

function policyFor(ports: readonly number[]): Policy {
  return policyOf(ruleOf({
    key: "origin",
    endpoints: [endpointOf({ host: ORIGIN, ports: [...ports].sort((a, b) => a - b) })],
    // A link on most machines today, which leads to /usr/bin/curl.
    binaries: [{ path: "/bin/curl", descendants: false }],
  }));
}

/** The real pipeline before real servers; names alone are resolved by the test. */
export async function withDoor(
  body: (door: Door, context: Context) => Promise<void>,
): Promise<void> {
  const address = originAddress() ?? "";
  const [authority, serverAuthority] = [
    await SandboxAuthority.create(),
    await SandboxAuthority.create(),
  ];
  const { certPem, keyPem } = await serverAuthority.leafFor(ORIGIN);
  const quiet = { hostname: address, port: 0, onListen: () => {} };
  const respond = async (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/large") return new Response(new Uint8Array(LARGE_BYTES));
    return new Response(`${request.method} ${pathname} ${await request.text()}`);
  };
  const http = Deno.serve(quiet, respond);
  const https = Deno.serve({ ...quiet, cert: certPem, key: keyPem }, respond);
  const terminator = new TlsTerminator({ authority });
  try {
    await withJail(async (context) => {
      const { jail } = context;
      const links = sandboxLinks(jail.initPid);
      const generations = new GenerationHolder({
        expand: (policy) => expandBinaries(policy, links),
      });
      const policy = policyFor([http.addr.port, https.addr.port]);
      generations.load(policy, { version: 1, hash: "sha256:0" });
      using identifier = new CallerIdentifier({ jail, proxyPort: DOOR_PORT });
      const events: AuditEvent[] = [];
      const caCerts = [serverAuthority.caPem];
      const proxy = new EgressProxy({
        identifier,
        generations,
        events: { record: (event) => void events.push(event) },
        resolve: () => Promise.resolve({ ok: true, addresses: [address] }),
        dial,
        tls: {
          terminate: (client, host, signal) => terminator.terminate(client, host, signal),
          connect: (connection, host, signal) =>
            connectTls(connection as Deno.TcpConn, host, signal, { caCerts }),
        },
      });
      const serving = proxy.serve(await jail.listen(DOOR_PORT));
      try {
        const { caPem } = authority;
        const [httpPort, httpsPort] = [http.addr.port, https.addr.port];
        const door = { proxy, events, generations, policy, httpPort, httpsPort, caPem };
        await body(door, context);
      } finally {
        await proxy.close();
        await serving;
      }
    });
  } finally {
    terminator.close();
    await Promise.all([http.shutdown(), https.shutdown()]);
  }
}
