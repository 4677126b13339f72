/**
 * What every call passes before it reaches a handler: who calls, may it, for how long.
 *
 * Fails closed: a call whose caller or method cannot be judged is refused.
 *
 * @module
 */

import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { CALL_MS_MAX } from "../../proto/limits.ts";
import { authenticate, type AuthenticationPorts } from "../auth/authenticate.ts";
import {
  type AuthorizationVerdict,
  authorize,
  authorizeMessage,
  type DenialReason,
} from "../auth/authorize.ts";
import { findSubject } from "../auth/message_subject.ts";
import type { Principal } from "../auth/principal.ts";
import { PEER, PRINCIPAL } from "./call_context.ts";
import { toConnectError } from "./to_connect_error.ts";

export interface GuardPorts extends AuthenticationPorts {
  /** Returns the id of a sandbox, `null` where no sandbox has the name. */
  readonly findSandboxId: (workspace: string, name: string) => Promise<string | null>;
  /** Told of faults of our own. */
  readonly onFault: (error: unknown) => void;
  /** For calls that are no streams, in milliseconds. */
  readonly callMsMax?: number;
}

/** Returns what goes before all handlers. */
export function guardCalls(ports: GuardPorts): Interceptor {
  return (next) => async (request) => {
    try {
      const { method, contextValues } = request;
      const credentials = {
        certificate: contextValues.get(PEER),
        authorization: request.header.get("authorization"),
      };
      const principal = await authenticate(credentials, ports);
      refuse(authorize(method, principal));
      contextValues.set(PRINCIPAL, principal);
      if (!request.stream) {
        await checkMessage(ports, { method, principal, message: request.message });
        return await withDeadline(next(request), ports.callMsMax ?? CALL_MS_MAX);
      }
      const message = checkMessages(ports, { method, principal }, request.message);
      const response = await next({ ...request, message });
      if (!response.stream) return response;
      return { ...response, message: withCodes(response.message, ports) };
    } catch (error) {
      throw toConnectError(error, ports.onFault);
    }
  };
}

interface Caller {
  readonly method: DescMethod;
  readonly principal: Principal;
}

async function checkMessage(
  ports: GuardPorts,
  { method, principal, message }: Caller & { readonly message: Message },
): Promise<void> {
  // Names and ids of other sandboxes are for people to use.
  if (principal.kind !== "sandbox") return;
  const { sandboxIds, named } = findSubject(method.input, message);
  const subject = named === null ? { sandboxIds } : {
    sandboxIds,
    namedSandboxId: await ports.findSandboxId(named.workspace, named.name),
  };
  refuse(authorizeMessage(method, principal, subject));
}

async function* checkMessages<T extends Message>(
  ports: GuardPorts,
  caller: Caller,
  messages: AsyncIterable<T>,
): AsyncGenerator<T> {
  for await (const message of messages) {
    await checkMessage(ports, { ...caller, message });
    yield message;
  }
}

/** A handler of a stream fails while its answer is read. */
async function* withCodes<T>(
  messages: AsyncIterable<T>,
  { onFault }: GuardPorts,
): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw toConnectError(error, onFault);
  }
}

async function withDeadline<T>(answer: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new ConnectError("the gateway took too long", Code.DeadlineExceeded));
  }, ms);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const TEXTS: Readonly<Record<DenialReason, string>> = {
  no_rule: "nobody may call this",
  unauthenticated: "this needs the certificate of a user or the token of a sandbox",
  users_only: "only a user may call this",
  sandboxes_only: "only a sandbox may call this",
  other_sandbox: "a sandbox may ask about itself alone",
};

function refuse(decision: AuthorizationVerdict): void {
  if (decision.verdict === "allow") return;
  const isUnknown = decision.reason === "unauthenticated";
  const code = isUnknown ? Code.Unauthenticated : Code.PermissionDenied;
  throw new ConnectError(TEXTS[decision.reason], code);
}
