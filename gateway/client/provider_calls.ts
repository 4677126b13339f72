/**
 * Calls about providers.
 *
 * @module
 */

import type { Provider } from "../../proto/gen/openshell/datamodel/v1/datamodel_pb.ts";
import { GatewayAnswerError } from "./gateway_answer_error.ts";
import type { CallPorts } from "./process_calls.ts";
import { profileCalls } from "./profile_calls.ts";
import { refreshCalls } from "./refresh_calls.ts";
import type { ProviderCalls, ProviderInput, ProviderView } from "./provider_types.ts";

export function providerCalls(ports: CallPorts): ProviderCalls {
  const { openshell, extensions, calls } = ports;
  return {
    async rekeyCredentials() {
      const action = "change the key of credentials";
      const answer = await calls.call(action, (o) => extensions.rekeyCredentials({}, o));
      return Number(answer.credentials);
    },
    ...profileCalls(ports),
    ...refreshCalls(ports),
    async createProvider(provider) {
      const request = toRequest(provider);
      const action = `create provider "${provider.name}"`;
      const answer = await calls.call(action, (o) => openshell.createProvider(request, o));
      return toProvider(answer.provider);
    },
    async getProvider(name) {
      const action = `get provider "${name.name}"`;
      return toProvider(
        (await calls.call(action, (o) => openshell.getProvider(name, o))).provider,
      );
    },
    async listProviders(query) {
      const answer = await calls.call("list providers", (o) => openshell.listProviders(query, o));
      return answer.providers.map(toProvider);
    },
    async updateProvider(provider) {
      const request = toRequest(provider);
      const action = `update provider "${provider.name}"`;
      const answer = await calls.call(action, (o) => openshell.updateProvider(request, o));
      return toProvider(answer.provider);
    },
    async deleteProvider(name) {
      const action = `delete provider "${name.name}"`;
      return (await calls.call(action, (o) => openshell.deleteProvider(name, o))).deleted;
    },
    ...attachmentCalls({ openshell, calls }),
  };
}

function attachmentCalls({ openshell, calls }: Pick<CallPorts, "openshell" | "calls">) {
  return {
    async listSandboxProviders({ name, workspace }) {
      const action = `list the providers of sandbox "${name}"`;
      const request = { sandboxName: name, workspace };
      const answer = await calls.call(action, (o) => openshell.listSandboxProviders(request, o));
      return answer.providers.map(toProvider);
    },
    async attachProvider({ name, workspace }, providerName, version) {
      const action = `attach provider "${providerName}"`;
      const expectedResourceVersion = BigInt(version);
      const request = { sandboxName: name, workspace, providerName, expectedResourceVersion };
      const answer = await calls.call(action, (o) => openshell.attachSandboxProvider(request, o));
      return answer.attached;
    },
    async detachProvider({ name, workspace }, providerName, version) {
      const action = `detach provider "${providerName}"`;
      const expectedResourceVersion = BigInt(version);
      const request = { sandboxName: name, workspace, providerName, expectedResourceVersion };
      const answer = await calls.call(action, (o) => openshell.detachSandboxProvider(request, o));
      return answer.detached;
    },
  } satisfies Partial<ProviderCalls>;
}

function toRequest(input: ProviderInput) {
  const { name, workspace, type, credentials, config, usesGlobalProfile } = input;
  const expiries = Object.entries(input.expiresAtMs).map(([key, at]) => [key, BigInt(at)] as const);
  return {
    workspace,
    provider: {
      metadata: { name, workspace },
      type,
      credentials: { ...credentials },
      config: { ...config },
      credentialExpiresAtMs: Object.fromEntries(expiries),
      profileWorkspace: usesGlobalProfile ? "" : workspace,
    },
  };
}

/** @throws {GatewayAnswerError} when there is none */
export function toProvider(provider: Provider | undefined): ProviderView {
  const { metadata } = provider ?? {};
  if (provider === undefined || metadata === undefined) {
    throw new GatewayAnswerError("Cannot read the gateway's answer: it holds no provider");
  }
  return {
    id: metadata.id,
    name: metadata.name,
    workspace: metadata.workspace,
    type: provider.type,
    credentialKeys: Object.keys(provider.credentials).toSorted(),
    config: { ...provider.config },
    labels: { ...metadata.labels },
    resourceVersion: Number(metadata.resourceVersion),
    createdAtMs: Number(metadata.createdAtMs),
    expiresAtMs: Object.fromEntries(
      Object.entries(provider.credentialExpiresAtMs).map(([key, at]) => [key, Number(at)]),
    ),
  };
}
