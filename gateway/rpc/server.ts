/**
 * The gateway's one port: gRPC and Connect over HTTP/2, health over any HTTP, mutual TLS for all.
 *
 * Whoever has no certificate of our authority does not get past the handshake.
 *
 * @module
 */

import { type ConnectRouter, createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { type AddressInfo, Server as PlainServer, type Socket } from "node:net";
import { Server } from "node:tls";
import { CodedError } from "../../proto/errors.ts";
import { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import {
  KEEPALIVE_ANSWER_MS_MAX,
  KEEPALIVE_MS,
  LARGE_MESSAGE_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  SERVER_CLOSE_MS_MAX,
} from "../../proto/limits.ts";
import type { PeerCertificate } from "../auth/principal.ts";
import { PEER } from "./call_context.ts";
import { guardCalls, type GuardPorts } from "./guard_calls.ts";
import { answerHealth, type HealthPorts } from "./health.ts";
import { keepListening } from "./keep_listening.ts";
import type { LocalSocket } from "./local_socket.ts";
import { peerCertificateOf, type ServerRequest } from "./peer_certificate.ts";

/** The address cannot be listened on. */
export class ListenError extends CodedError {
  override readonly name = "ListenError";
  override readonly code = "unavailable";

  constructor(address: string, options: ErrorOptions) {
    super(`Cannot listen on ${address}: ${(options.cause as Error).message}`, {
      ...options,
      hint: "Choose another port, or end what uses it",
    });
  }
}

export interface ServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Registers every service, once each: see `mergeMethods` for one from several modules. */
  readonly routes: (router: ConnectRouter) => void;
  readonly guard: GuardPorts;
  readonly health: HealthPorts;
  /** A socket of this machine beside the port; none where left out. */
  readonly local?: LocalSocket;
}

/** Nothing was accepted any more; the server listens again. */
export class DeafError extends CodedError {
  override readonly name = "DeafError";
  override readonly code = "unavailable";

  constructor(address: string) {
    super(`Cannot accept connections at ${address}: the gateway listens anew`);
  }
}

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** Ends streams, waits for calls, then cuts off what is left. */
  close(): Promise<void>;
}

/** Methods whose messages hold a policy document or standard input. */
const LARGE = new Set<string>(
  [
    OpenShell.method.createSandbox,
    OpenShell.method.updateConfig,
    OpenShell.method.execSandbox,
    OpenShell.method.execSandboxInteractive,
  ].map(({ parent, name }) => `/${parent.typeName}/${name}`),
);

/** @throws {ListenError} */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const ending = new AbortController();
  const { tls, host } = options;
  const server = createSecureServer({
    ...tls,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: "TLSv1.3",
    allowHTTP1: true,
  }, requestHandler(options, { signal: ending.signal, peerOf: peerCertificateOf }));
  const calls = new OpenCalls();
  const sockets = followServer(server, calls);
  // A handshake that failed is the client's affair.
  server.on("tlsClientError", () => {});
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const stopWatching = keepListening(server as unknown as PlainServer, {
    dial: () => Deno.connect({ hostname: host, port }),
    listen: () => server.listen(port, host),
    onDeaf: () => options.guard.onFault(new DeafError(`${host}:${port}`)),
  });
  const open: Open[] = [{
    close: (done) => Server.prototype.close.call(server, done),
    stopWatching,
    sockets,
  }];
  if (options.local !== undefined) open.push(await listenLocally(options, ending.signal, calls));
  let closed: Promise<void> | null = null;
  const close = () => closed ??= closeServers(open, ending, calls);
  return { host, port, close };
}

async function listenLocally(
  options: ServerOptions & { readonly local?: LocalSocket },
  signal: AbortSignal,
  calls: OpenCalls,
): Promise<Open> {
  const { guard, local } = options;
  const { path, peer } = local!;
  const server = createServer(requestHandler(options, { signal, peerOf: () => peer }));
  const sockets = followServer(server, calls);
  await Deno.remove(path).catch(() => {});
  const begin = () => server.listen(path, () => Deno.chmodSync(path, 0o600));
  await listening(server, path, begin);
  const stopWatching = keepListening(server as unknown as PlainServer, {
    dial: () => Deno.connect({ transport: "unix", path }),
    listen: () => void Deno.remove(path).catch(() => {}).then(begin),
    onDeaf: () => guard.onFault(new DeafError(path)),
  });
  return {
    close: (done) => PlainServer.prototype.close.call(server, done),
    stopWatching,
    sockets,
  };
}

function followServer(
  server: Http2SecureServer | Http2Server,
  calls: OpenCalls,
): ReadonlySet<Socket> {
  server.on("request", (_request: unknown, response: Http2ServerResponse) => calls.add(response));
  return followConnections(server);
}

type Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

function requestHandler(
  { routes, guard, health }: ServerOptions,
  { signal, peerOf }: {
    readonly signal: AbortSignal;
    readonly peerOf: (request: ServerRequest) => PeerCertificate | null;
  },
): Handler {
  const shared = {
    routes,
    interceptors: [guardCalls(guard)],
    shutdownSignal: signal,
    contextValues: (request: ServerRequest) => createContextValues().set(PEER, peerOf(request)),
    fallback: (request: ServerRequest, response: unknown) => {
      // Whoever asked may have gone: an error that nobody takes would end the gateway.
      answerHttp(request.url ?? "", response as Http2ServerResponse, health).catch(guard.onFault);
    },
  };
  // Two of each method: a bound on messages belongs to a whole adapter.
  const usual = connectNodeAdapter({ ...shared, readMaxBytes: MESSAGE_BYTES_MAX });
  const large = connectNodeAdapter({ ...shared, readMaxBytes: LARGE_MESSAGE_BYTES_MAX });
  return (request, response) => {
    const [path] = (request.url ?? "").split("?", 1);
    (LARGE.has(path ?? "") ? large : usual)(request, response);
  };
}

async function answerHttp(
  url: string,
  response: Http2ServerResponse,
  health: HealthPorts,
): Promise<void> {
  const answer = await answerHealth(url.split("?", 1)[0] ?? "", health) ??
    { status: 404, body: { status: "not_found" } };
  response.writeHead(answer.status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(answer.body)}\n`);
}

/** Calls that are not answered yet. */
class OpenCalls {
  #open = 0;
  #onNone: (() => void) | null = null;

  add(response: Http2ServerResponse): void {
    this.#open++;
    response.once("close", () => {
      this.#open--;
      if (this.#open === 0) this.#onNone?.();
    });
  }

  /** Resolves when none is left, or after some time. */
  async drained(msMax: number): Promise<void> {
    if (this.#open === 0) return;
    const none = Promise.withResolvers<void>();
    this.#onNone = none.resolve;
    const timer = setTimeout(none.resolve, msMax);
    await none.promise;
    clearTimeout(timer);
  }
}

/**
 * Keeps each connection under watch: one that does not answer a ping is gone.
 *
 * Connections end by their socket, never by `session.close()` or `session.destroy()`: those send a
 * GOAWAY, at which the HTTP/2 library of Deno 2.9 may abort the whole process, ours or the peer's.
 */
function followConnections(server: Http2SecureServer | Http2Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const latest: { socket: Socket | null } = { socket: null };
  // Those whose handshake is not done yet as well: they would keep the server open.
  server.prependListener("connection", (socket: Socket) => {
    latest.socket = socket;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  // It runs before the listener of the server itself, which makes the session.
  server.prependListener("secureConnection", (socket: Socket) => {
    latest.socket = socket;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("session", (session: ServerHttp2Session) => {
    const { socket } = latest;
    let overdue: ReturnType<typeof setTimeout> | undefined;
    const beat = setInterval(() => {
      if (session.destroyed || session.closed) return;
      clearTimeout(overdue);
      overdue = setTimeout(() => socket?.destroy(), KEEPALIVE_ANSWER_MS_MAX);
      session.ping(() => clearTimeout(overdue));
    }, KEEPALIVE_MS);
    session.on("error", () => socket?.destroy());
    session.once("close", () => {
      clearInterval(beat);
      clearTimeout(overdue);
    });
  });
  return sockets;
}

async function listen(server: Http2SecureServer, { host, port }: ServerOptions): Promise<void> {
  await listening(server, `${host}:${port}`, () => server.listen(port, host));
}

async function listening(
  server: Http2SecureServer | Http2Server,
  address: string,
  begin: () => void,
): Promise<void> {
  const done = Promise.withResolvers<void>();
  server.once("error", done.reject);
  server.once("listening", done.resolve);
  begin();
  try {
    await done.promise;
  } catch (error) {
    throw new ListenError(address, { cause: error });
  } finally {
    server.off("error", done.reject);
  }
}

/** A server that listens, and its connections. */
interface Open {
  /** That of its base: the close of an HTTP/2 server would close its sessions, see above. */
  readonly close: (done: () => void) => void;
  readonly stopWatching: () => void;
  readonly sockets: ReadonlySet<Socket>;
}

async function closeServers(
  open: readonly Open[],
  ending: AbortController,
  calls: OpenCalls,
): Promise<void> {
  const closed = open.map(({ close, stopWatching }) => {
    stopWatching();
    const done = Promise.withResolvers<void>();
    close(() => done.resolve());
    return done.promise;
  });
  ending.abort();
  await calls.drained(SERVER_CLOSE_MS_MAX);
  for (const { sockets } of open) for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
}
