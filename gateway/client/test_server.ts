/**
 * A gateway on a real socket, for tests of the client: answers what a test tells it to.
 *
 * @module
 */

import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Extensions } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";

/** What the gateway of a test does. Every other call is unimplemented. */
export interface TestServices {
  readonly openshell?: Partial<ServiceImpl<typeof OpenShell>>;
  readonly extensions?: Partial<ServiceImpl<typeof Extensions>>;
}

/** Adds the services of a test to a router. */
export function addServices(router: ConnectRouter, services: TestServices): void {
  router.service(OpenShell, services.openshell ?? {});
  router.service(Extensions, services.extensions ?? {});
}

/** Serves without TLS, on a free port of this machine or on a socket. */
export class TestServer implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly endpoint: string;

  private constructor(server: Http2Server) {
    this.#server = server;
    const address = server.address() as AddressInfo | string;
    this.endpoint = typeof address === "string" ? address : `http://127.0.0.1:${address.port}`;
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
    });
  }

  static async start(services: TestServices, socket?: string): Promise<TestServer> {
    const routes = (router: ConnectRouter) => addServices(router, services);
    const server = createServer(connectNodeAdapter({ routes }));
    await new Promise<void>((resolve) => {
      if (socket === undefined) server.listen(0, "127.0.0.1", resolve);
      else server.listen(socket, resolve);
    });
    return new TestServer(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
