/**
 * What supervisors call: their session, the streams of relays, and generations to load.
 *
 * @module
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import {
  type Generation,
  GenerationSchema,
  type Supervisors,
} from "../../proto/gen/openshell/ext/v1/ext_pb.ts";
import type { GetInferenceBundleResponseSchema } from "../../proto/gen/openshell/inference/v1/inference_pb.ts";
import {
  type GetSandboxProviderEnvironmentResponseSchema,
  type OpenShell,
  type RelayFrame,
  RelayFrameSchema,
  type SupervisorMessage,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import type { Relay } from "./relay.ts";
import type { Session, SupervisorSessions } from "./supervisor_sessions.ts";

/** What is in force for a sandbox. */
export interface EffectivePolicy {
  readonly version: number;
  readonly hash: string;
  readonly document: Uint8Array;
  readonly isGlobal: boolean;
}

/** Credentials as the wire has them. */
export type GenerationCredentials = MessageInitShape<
  typeof GetSandboxProviderEnvironmentResponseSchema
>;

/** Routes as the wire has them. */
export type GenerationInference = MessageInitShape<typeof GetInferenceBundleResponseSchema>;

/** What the services need from the rest of the gateway. */
export interface SupervisorPorts {
  readonly sessions: SupervisorSessions;
  /** The sandbox that the caller speaks for; refuses any other caller. */
  readonly sandboxOf: (context: HandlerContext) => string;
  readonly effectivePolicy: (sandboxId: string) => Promise<EffectivePolicy>;
  /** Credentials of a sandbox, with a revision that changes when they do; left out: none. */
  readonly credentials?: (sandboxId: string) => Promise<GenerationCredentials>;
  /** Where model calls of a sandbox go; left out: nowhere. */
  readonly inference?: (sandboxId: string) => Promise<GenerationInference>;
  /** Told of what a generation goes without. */
  readonly onProblem?: (error: unknown) => void;
  /** Calls `listener` on every change until the returned function is called. */
  readonly onPolicyChange: (sandboxId: string, listener: () => void) => () => void;
}

type SessionMethods = Pick<ServiceImpl<typeof OpenShell>, "connectSupervisor" | "relayStream">;

/** Methods of `openshell.v1.OpenShell` that supervisors call. */
export function supervisorMethods({ sessions, sandboxOf }: SupervisorPorts): SessionMethods {
  return {
    async *connectSupervisor(messages, context) {
      const sandboxId = sandboxOf(context);
      const incoming = messages[Symbol.asyncIterator]();
      const first = await incoming.next();
      const hello = first.done === true ? undefined : first.value.payload;
      if (hello?.case !== "hello" || hello.value.sandboxId !== sandboxId) {
        throw new ConnectError(
          "the first message is the hello of its own sandbox",
          Code.InvalidArgument,
        );
      }
      const session = await sessions.open(sandboxId, hello.value.instanceId);
      context.signal.addEventListener("abort", () => session.outgoing.discard());
      void listen(sessions, session, incoming);
      try {
        yield* session.outgoing;
      } finally {
        await sessions.end(session);
      }
    },
    async *relayStream(frames, context) {
      const sandboxId = sandboxOf(context);
      const incoming = frames[Symbol.asyncIterator]();
      const first = await incoming.next();
      const init = first.done === true ? undefined : first.value.payload;
      const relay = init?.case === "init"
        ? sessions.joinRelay(sandboxId, init.value.channelId)
        : null;
      if (relay === null) throw new ConnectError("nobody waits for this relay", Code.NotFound);
      context.signal.addEventListener("abort", () => relay.close());
      void receive(relay, incoming);
      try {
        for await (const data of relay.toSupervisor) {
          yield create(RelayFrameSchema, { payload: { case: "data", value: data } });
        }
        // A server cannot end its side alone. Empty data says that the client's side has ended; the
        // supervisor's goes on until it is done.
        yield create(RelayFrameSchema, { payload: { case: "data", value: new Uint8Array() } });
        await relay.closed;
      } finally {
        relay.close();
      }
    },
  };
}

/** `openshell.ext.v1.Supervisors`. */
export function supervisorsService(ports: SupervisorPorts): ServiceImpl<typeof Supervisors> {
  return {
    async *watchGeneration({ sandboxId }, context) {
      if (sandboxId !== ports.sandboxOf(context)) {
        throw new ConnectError("a sandbox may watch itself alone", Code.PermissionDenied);
      }
      yield* generations(ports, sandboxId, context.signal);
    },
  };
}

async function* generations(
  ports: SupervisorPorts,
  sandboxId: string,
  signal: AbortSignal,
): AsyncGenerator<Generation> {
  let changed = Promise.withResolvers<void>();
  const wake = () => changed.resolve();
  const unsubscribe = ports.onPolicyChange(sandboxId, wake);
  signal.addEventListener("abort", wake);
  try {
    let sent = "";
    while (!signal.aborted) {
      // Before it is read: a change while it is read is not lost.
      changed = Promise.withResolvers<void>();
      const { version, hash, document, isGlobal } = await ports.effectivePolicy(sandboxId);
      const { credentials, inference } = await partsOf(ports, sandboxId);
      const parts = [credentials?.providerEnvRevision, inference?.revision];
      const name = `${version} ${hash} ${isGlobal} ${parts.join(" ")}`;
      if (name !== sent) {
        yield create(GenerationSchema, {
          version,
          policyHash: hash,
          policy: document,
          global: isGlobal,
          ...credentials === null ? {} : { credentials },
          ...inference === null ? {} : { inference },
        });
        sent = name;
      }
      if (!signal.aborted) await changed.promise;
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", wake);
  }
}

/** What cannot be read is left out: a sandbox goes on without it rather than with what was. */
async function partsOf(ports: SupervisorPorts, sandboxId: string) {
  const withoutFault = async <T>(read: ((id: string) => Promise<T>) | undefined) => {
    try {
      return await read?.(sandboxId) ?? null;
    } catch (error) {
      ports.onProblem?.(error);
      return null;
    }
  };
  return {
    credentials: await withoutFault(ports.credentials),
    inference: await withoutFault(ports.inference),
  };
}

/** Ends the session when the supervisor's side does. */
async function listen(
  sessions: SupervisorSessions,
  session: Session,
  incoming: AsyncIterator<SupervisorMessage>,
): Promise<void> {
  try {
    for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
      const { payload } = next.value;
      if (payload.case !== "relayOpenResult" || payload.value.success) continue;
      const { channelId, error } = payload.value;
      sessions.refuseRelay(session.sandboxId, channelId, error);
    }
  } catch {
    // The connection broke: the session ends as if the supervisor had ended it.
  } finally {
    session.outgoing.end();
  }
}

async function receive(relay: Relay, incoming: AsyncIterator<RelayFrame>): Promise<void> {
  try {
    for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
      const { payload } = next.value;
      if (payload.case !== "data") continue;
      if (!await relay.fromSupervisor.push(payload.value)) break;
    }
    relay.fromSupervisor.end();
  } catch {
    // The connection broke: what was received is delivered, then the relay ends.
    relay.close();
  }
}
