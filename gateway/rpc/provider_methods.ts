/**
 * Methods about providers: made, shown, changed, removed, and which sandbox has them.
 *
 * No answer to a person holds a value. Every change is recorded before it is answered.
 *
 * @module
 */

import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { Provider } from "../../proto/gen/openshell/datamodel/v1/datamodel_pb.ts";
import type { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { PAGE_OBJECTS_MAX } from "../../proto/limits.ts";
import type { RecordChange } from "../events/change_recorder.ts";
import type { CredentialDelivery } from "../providers/credential_delivery.ts";
import { toMessage } from "../providers/provider_record.ts";
import { ProviderRefusedError } from "../providers/provider_errors.ts";
import type { ProviderChange, ProviderService } from "../providers/provider_service.ts";
import { resolveWorkspace } from "../sandbox/check_request.ts";
import type { SandboxRecord } from "../sandbox/sandbox_record.ts";
import { toMessage as toSandboxMessage } from "../sandbox/sandbox_record.ts";
import type { SandboxService } from "../sandbox/sandboxes.ts";
import { ConflictError } from "../store/contract.ts";
import { sandboxOf } from "./call_context.ts";

export interface ProviderMethodPorts {
  readonly providers: ProviderService;
  readonly delivery: CredentialDelivery;
  readonly sandboxes: SandboxService;
  /** Records a change of a sandbox. */
  readonly record: RecordChange;
  /** Records a change of a provider, which belongs to no sandbox. */
  readonly recordProvider: (state: string, message: string) => Promise<void>;
  readonly whoCalls: (context: HandlerContext) => string;
  /** Tells who follows a sandbox that something of it has changed. */
  readonly notify: (sandboxId: string) => void;
  /** Names of the inference routes of a workspace that a provider serves. */
  readonly routesOf: (workspace: string, provider: string) => Promise<readonly string[]>;
}

type ProviderMethods = Pick<
  ServiceImpl<typeof OpenShell>,
  | "createProvider"
  | "getProvider"
  | "listProviders"
  | "updateProvider"
  | "deleteProvider"
  | "listSandboxProviders"
  | "attachSandboxProvider"
  | "detachSandboxProvider"
  | "getSandboxProviderEnvironment"
>;

/** Providers that a page has where the caller does not say. */
const PAGE_DEFAULT = 100;

export function providerMethods(ports: ProviderMethodPorts): ProviderMethods {
  return { ...recordMethods(ports), ...attachmentMethods(ports), ...deliveryMethods(ports) };
}

function recordMethods({ providers, recordProvider, whoCalls, routesOf }: ProviderMethodPorts) {
  return {
    async createProvider({ provider, workspace }, context) {
      const change = toChange(provider, workspace);
      const made = await providers.create(change);
      const keys = Object.keys(made.handles).join(", ") || "no credentials";
      const message = `provider ${made.name} of type ${made.type} with ${keys}`;
      await recordProvider("created", `${message}, by ${whoCalls(context)}`);
      return { provider: toMessage(made) };
    },
    async getProvider({ name, workspace }) {
      return { provider: toMessage(await providers.get(resolveWorkspace(workspace), name)) };
    },
    async listProviders({ limit, offset, workspace, allWorkspaces }) {
      const records = await providers.list({
        workspace: allWorkspaces ? null : resolveWorkspace(workspace),
        limit: Math.min(limit || PAGE_DEFAULT, PAGE_OBJECTS_MAX),
        offset,
      });
      return { providers: records.map(toMessage) };
    },
    async updateProvider({ provider, workspace, credentialExpiresAtMs }, context) {
      const change = toChange(provider, workspace);
      const expiresAtMs = { ...change.expiresAtMs, ...credentialExpiresAtMs };
      const changed = await providers.update({ ...change, expiresAtMs });
      const keys = Object.keys(change.credentials).join(", ") || "no credentials";
      const message = `provider ${changed.name}: ${keys} set or removed`;
      await recordProvider("updated", `${message}, by ${whoCalls(context)}`);
      return { provider: toMessage(changed) };
    },
    async deleteProvider({ name, workspace }, context) {
      const place = resolveWorkspace(workspace);
      // A route that is set right after this is left out of what sandboxes are told.
      refuseRouted(name, await routesOf(place, name));
      const deleted = await providers.delete(place, name);
      if (deleted) await recordProvider("removed", `provider ${name}, by ${whoCalls(context)}`);
      return { deleted };
    },
  } satisfies Partial<ProviderMethods>;
}

function attachmentMethods(
  { providers, sandboxes, record, whoCalls, notify }: ProviderMethodPorts,
) {
  const change = async (
    request: AttachmentRequest,
    context: HandlerContext,
    { verb, next }: {
      readonly verb: "attached" | "detached";
      readonly next: (names: readonly string[]) => readonly string[];
    },
  ) => {
    const before = await sandboxes.get(request.workspace, request.sandboxName);
    checkVersion(before, request.expectedResourceVersion);
    const after = await sandboxes.setProviders(before, next).catch(async (error: unknown) => {
      const message = `provider ${request.providerName}, by ${whoCalls(context)}: refused`;
      await record(before, { state: "rejected", message, failed: true });
      throw error;
    });
    const isChanged = before.spec.providers.includes(request.providerName) !==
      after.spec.providers.includes(request.providerName);
    if (isChanged) {
      notify(after.id);
      const message = `provider ${request.providerName} ${verb} by ${whoCalls(context)}`;
      await record(after, { state: verb, message });
    }
    return { sandbox: toSandboxMessage(after), isChanged };
  };
  return {
    async listSandboxProviders({ sandboxName, workspace }) {
      const { spec, workspace: own } = await sandboxes.get(workspace, sandboxName);
      const found = await Promise.all(
        spec.providers.map((name) => providers.get(own, name).catch(() => null)),
      );
      return { providers: found.filter((record) => record !== null).map(toMessage) };
    },
    async attachSandboxProvider(request, context) {
      const { providerName: name } = request;
      await providers.get(resolveWorkspace(request.workspace), name);
      const { sandbox, isChanged } = await change(request, context, {
        verb: "attached",
        next: (names) => names.includes(name) ? names : [...names, name],
      });
      return { sandbox, attached: isChanged };
    },
    async detachSandboxProvider(request, context) {
      const { providerName: name } = request;
      const { sandbox, isChanged } = await change(request, context, {
        verb: "detached",
        next: (names) =>
          names.includes(name) ? names.filter((candidate) => candidate !== name) : names,
      });
      return { sandbox, detached: isChanged };
    },
  } satisfies Partial<ProviderMethods>;
}

function deliveryMethods({ delivery }: ProviderMethodPorts) {
  return {
    async getSandboxProviderEnvironment(
      { sandboxId, supportsStaticCredentialBindings: understands },
      context,
    ) {
      if (sandboxId !== sandboxOf(context)) {
        throw new ConnectError("a sandbox may ask about itself alone", Code.PermissionDenied);
      }
      const all = await delivery.environmentOf(sandboxId);
      if (understands) return all;
      // A supervisor that does not know of places would give values to any.
      const { environment, nonSecretEnvironmentKeys, providerEnvRevision } = all;
      const open = nonSecretEnvironmentKeys.map((key) => [key, environment[key] ?? ""]);
      return {
        environment: Object.fromEntries(open),
        nonSecretEnvironmentKeys,
        providerEnvRevision,
      };
    },
  } satisfies Partial<ProviderMethods>;
}

/** @throws {ProviderRefusedError} */
function refuseRouted(name: string, [first, ...others]: readonly string[]): void {
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  throw new ProviderRefusedError(
    "failed_precondition",
    `delete provider "${name}"`,
    `inference route "${first}"${more} goes by it`,
    `Run: openshell inference delete --route ${first}`,
  );
}

interface AttachmentRequest {
  readonly sandboxName: string;
  readonly providerName: string;
  readonly workspace: string;
  readonly expectedResourceVersion: bigint;
}

function checkVersion({ resourceVersion, name }: SandboxRecord, expected: bigint): void {
  if (expected === 0n || expected === BigInt(resourceVersion)) return;
  throw new ConflictError("changed", "sandbox", name);
}

function toChange(provider: Provider | undefined, workspace: string): ProviderChange {
  if (provider === undefined) {
    throw new ConnectError("the request holds no provider", Code.InvalidArgument);
  }
  if (Object.keys(provider.credentialHandles).length > 0) {
    throw new ConnectError("handles are the gateway's own", Code.InvalidArgument);
  }
  const { metadata } = provider;
  return {
    name: metadata?.name ?? "",
    workspace: resolveWorkspace(workspace || (metadata?.workspace ?? "")),
    type: provider.type,
    credentials: provider.credentials,
    config: provider.config,
    expiresAtMs: provider.credentialExpiresAtMs,
    labels: metadata?.labels ?? {},
    annotations: metadata?.annotations ?? {},
    profileWorkspace: provider.profileWorkspace,
    expectedResourceVersion: Number(metadata?.resourceVersion ?? 0n),
  };
}
