/**
 * A gateway that really listens, over a driver that runs nothing.
 *
 * @module
 */

import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { SandboxTokens } from "../../gateway/auth/sandbox_tokens.ts";
import { mintPki } from "../../gateway/pki/mint_pki.ts";
import type { LogSource } from "../../gateway/rpc/log_source.ts";
import { openShellMethods } from "../../gateway/rpc/openshell_service.ts";
import { type RunningServer, startServer } from "../../gateway/rpc/server.ts";
import { OpenShell, type SandboxLogLine } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { Supervisors } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { openFixture, type SandboxFixture } from "./sandbox_fixture.ts";

export type OpenShellClient = Client<typeof OpenShell>;

/** Who calls: an own certificate, and a token where there is one. */
export interface Caller {
  readonly certificate: "client" | "supervisor";
  readonly token?: string;
}

export interface GatewayFixture extends SandboxFixture {
  readonly server: RunningServer;
  readonly tokens: SandboxTokens;
  /** Texts by path below the state folder. */
  readonly pki: ReadonlyMap<string, string>;
  /** What `GetSandboxLogs` finds, for every sandbox. */
  readonly lines: SandboxLogLine[];
  /** The same of another authority. */
  readonly foreign: ReadonlyMap<string, string>;
  readonly clientOf: (caller: Caller) => OpenShellClient;
}

async function mint(): Promise<ReadonlyMap<string, string>> {
  const files = await mintPki({ sans: ["localhost", "127.0.0.1"], now: new Date() });
  return new Map(files.map(({ path, text }) => [path, text]));
}

export async function startGateway(
  options: { readonly callMsMax?: number } = {},
): Promise<GatewayFixture> {
  const pki = await mint();
  const foreign = await mint();
  const fixture = openFixture();
  const { sandboxes, store, driver, clock, problems } = fixture;
  const tokens = await SandboxTokens.open({
    gatewayId: "test",
    signingKey: pki.get("jwt/signing.pem")!,
    publicKey: pki.get("jwt/public.pem")!,
    keyId: "k",
    now: () => clock.ms,
  });
  const lines: SandboxLogLine[] = [];
  const methods = openShellMethods({ ...fixture, version: "1.2.3", logs: logsOf(lines) });
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    tls: {
      ca: pki.get("ca.crt")!,
      cert: pki.get("server/tls.crt")!,
      key: pki.get("server/tls.key")!,
    },
    routes: (router) => void router.service(OpenShell, methods).service(Supervisors, {}),
    guard: {
      verifyToken: (token) => tokens.verify(token),
      sandboxExists: (id) => sandboxes.exists(id),
      findSandboxId: async (workspace, name) =>
        await sandboxes.get(workspace, name).then(({ id }) => id, () => null),
      onFault: (error) => void problems.push(error),
      ...options,
    },
    health: { version: "1.2.3", store },
  });
  const clientOf = ({ certificate, token }: Caller) => {
    const transport = createGrpcTransport({
      baseUrl: `https://localhost:${server.port}`,
      nodeOptions: {
        ca: pki.get("ca.crt")!,
        cert: pki.get(`${certificate}/tls.crt`)!,
        key: pki.get(`${certificate}/tls.key`)!,
      },
      interceptors: bearer(token),
    });
    return createClient(OpenShell, transport);
  };
  const close = async () => {
    await server.close();
    await fixture.close();
    await driver.close();
  };
  return { ...fixture, server, tokens, pki, foreign, lines, clientOf, close };
}

function bearer(token: string | undefined) {
  if (token === undefined) return [];
  return [(next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  }] satisfies NonNullable<Parameters<typeof createGrpcTransport>[0]["interceptors"]>;
}

function logsOf(lines: readonly SandboxLogLine[]): LogSource {
  return {
    read: (_id, { lines: max }) =>
      Promise.resolve({ lines: lines.slice(-max), total: lines.length }),
    async *follow(_id, { lines: max }, signal) {
      yield* lines.slice(-max);
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  };
}
