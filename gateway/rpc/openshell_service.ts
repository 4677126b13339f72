/**
 * The part of `openshell.v1.OpenShell` that needs no supervisor to answer.
 *
 * A service may come from several modules: each gives some methods, `mergeMethods` puts them
 * together, and what nobody gives is answered with UNIMPLEMENTED.
 *
 * @module
 */

import type { ServiceImpl } from "@connectrpc/connect";
import { CodedError } from "../../proto/errors.ts";
import type { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { gatewayMethods, type GatewayPorts } from "./gateway_methods.ts";
import type { LogSource } from "./log_source.ts";
import { policyMethods, type PolicyPorts } from "./policy_methods.ts";
import { sandboxMethods } from "./sandbox_methods.ts";
import { watchMethods } from "./watch_sandbox.ts";

export interface OpenShellPorts extends GatewayPorts, PolicyPorts {
  readonly logs: LogSource;
}

/** Some methods of the service. */
export type OpenShellMethods = Partial<ServiceImpl<typeof OpenShell>>;

export function openShellMethods(ports: OpenShellPorts): OpenShellMethods {
  return mergeMethods<OpenShellMethods>(
    gatewayMethods(ports),
    sandboxMethods(ports.sandboxes, ports.logs),
    policyMethods(ports),
    watchMethods(ports.sandboxes, ports.logs),
  );
}

/** Two modules give the same method. */
export class MethodConflictError extends CodedError {
  override readonly name = "MethodConflictError";
  override readonly code = "internal";

  constructor(method: string) {
    super(`Cannot serve "${method}": two modules implement it`);
  }
}

/** Puts the methods of several modules together. @throws {MethodConflictError} */
export function mergeMethods<T extends object>(...parts: readonly T[]): T {
  const merged: Record<string, unknown> = {};
  for (const [name, method] of parts.flatMap((part) => Object.entries(part))) {
    if (Object.hasOwn(merged, name)) throw new MethodConflictError(name);
    merged[name] = method;
  }
  return merged as T;
}
