/**
 * Calls about credentials that the gateway makes anew.
 *
 * @module
 */

import {
  type ProviderCredentialRefreshStatus,
  ProviderCredentialRefreshStrategy,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { GatewayAnswerError } from "./gateway_answer_error.ts";
import type { CallPorts } from "./process_calls.ts";
import type { RefreshCalls, RefreshStrategyName, RefreshView } from "./refresh_types.ts";

const STRATEGIES: Readonly<Record<RefreshStrategyName, ProviderCredentialRefreshStrategy>> = {
  "oauth2-refresh-token": ProviderCredentialRefreshStrategy.OAUTH2_REFRESH_TOKEN,
  "oauth2-client-credentials": ProviderCredentialRefreshStrategy.OAUTH2_CLIENT_CREDENTIALS,
  "google-service-account-jwt": ProviderCredentialRefreshStrategy.GOOGLE_SERVICE_ACCOUNT_JWT,
  "aws-sts-assume-role": ProviderCredentialRefreshStrategy.AWS_STS_ASSUME_ROLE,
};

export function refreshCalls(
  { openshell, calls }: Pick<CallPorts, "openshell" | "calls">,
): RefreshCalls {
  return {
    async refreshStatus(name) {
      const action = `get the refreshes of provider "${name.provider}"`;
      const answer = await calls.call(action, (o) => openshell.getProviderRefreshStatus(name, o));
      return answer.credentials.map(toRefresh);
    },
    async configureRefresh({ strategy, material, secretMaterialKeys, expiresAtMs, ...name }) {
      const action = `configure the refresh of "${name.credentialKey}"`;
      const request = {
        ...name,
        strategy: STRATEGIES[strategy],
        material: { ...material },
        secretMaterialKeys: [...secretMaterialKeys],
        ...expiresAtMs === 0 ? {} : { expiresAtMs: BigInt(expiresAtMs) },
      };
      const answer = await calls.call(
        action,
        (o) => openshell.configureProviderRefresh(request, o),
      );
      return toRefresh(answer.status);
    },
    async rotateCredential(name) {
      const action = `rotate "${name.credentialKey}"`;
      const answer = await calls.call(action, (o) => openshell.rotateProviderCredential(name, o));
      return toRefresh(answer.status);
    },
    async deleteRefresh(name) {
      const action = `delete the refresh of "${name.credentialKey}"`;
      const answer = await calls.call(action, (o) => openshell.deleteProviderRefresh(name, o));
      return answer.deleted;
    },
  };
}

/** @throws {GatewayAnswerError} where there is none. */
function toRefresh(status: ProviderCredentialRefreshStatus | undefined): RefreshView {
  if (status === undefined) {
    throw new GatewayAnswerError("Cannot read the gateway's answer: it holds no status");
  }
  const found = Object.entries(STRATEGIES).find(([, strategy]) => strategy === status.strategy);
  return {
    provider: status.providerName,
    providerId: status.providerId,
    credentialKey: status.credentialKey,
    strategy: found?.[0] ?? "",
    status: status.status,
    expiresAtMs: Number(status.expiresAtMs),
    nextRefreshAtMs: Number(status.nextRefreshAtMs),
    lastRefreshAtMs: Number(status.lastRefreshAtMs),
    lastError: status.lastError,
  };
}
