/**
 * Calls about routes of model calls.
 *
 * @module
 */

import { createClient, type Transport } from "@connectrpc/connect";
import { INFERENCE_PROBE_MS_MAX } from "../../proto/inference_limits.ts";
import { CLIENT_CALL_MS_MAX } from "../../proto/limits.ts";
import { InferenceRoutes } from "../../proto/gen/openshell/ext/v1/inference_pb.ts";
import { Inference } from "../../proto/gen/openshell/inference/v1/inference_pb.ts";
import { GatewayCalls } from "./gateway_calls.ts";
import type { CallPlace } from "./gateway_error.ts";
import type { InferenceCalls, RouteName } from "./inference_types.ts";

/** `timeoutMs` is for one call; one that verifies has the time of the probe besides. */
export function inferenceCalls(
  transport: Transport,
  place: Omit<CallPlace, "action">,
  timeoutMs: number = CLIENT_CALL_MS_MAX,
): InferenceCalls {
  const routes = createClient(Inference, transport);
  const lists = createClient(InferenceRoutes, transport);
  const calls = new GatewayCalls(place, timeoutMs);
  const slow = new GatewayCalls(place, timeoutMs + INFERENCE_PROBE_MS_MAX);
  return {
    async setRoute({ workspace, name }, settings, verifies) {
      const { provider, model, timeoutSecs, models, priority } = settings;
      const request = {
        ...{ workspace, routeName: name, providerName: provider, modelId: model, priority },
        timeoutSecs: BigInt(timeoutSecs),
        models: [...models],
        verify: verifies,
        noVerify: !verifies,
      };
      const action = `set inference route "${name}"`;
      const answer = await slow.call(action, (o) => routes.setInferenceRoute(request, o));
      return {
        route: { ...settings, ...placeOf(answer), version: Number(answer.version) },
        endpoints: answer.validatedEndpoints.map(({ url, protocol }) => ({ url, protocol })),
      };
    },
    async getRoute({ workspace, name }) {
      const request = { workspace, routeName: name };
      const action = `get inference route "${name}"`;
      const answer = await calls.call(action, (o) => routes.getInferenceRoute(request, o));
      return {
        ...placeOf(answer),
        provider: answer.providerName,
        model: answer.modelId,
        timeoutSecs: Number(answer.timeoutSecs),
        models: answer.models,
        priority: answer.priority,
        version: Number(answer.version),
      };
    },
    async listRoutes(workspace) {
      const action = "list inference routes";
      const answer = await calls.call(action, (o) => lists.listInferenceRoutes({ workspace }, o));
      return answer.routes.map(({ metadata, config, version }) => ({
        name: metadata?.name ?? "",
        workspace: metadata?.workspace ?? workspace,
        provider: config?.providerName ?? "",
        model: config?.modelId ?? "",
        timeoutSecs: Number(config?.timeoutSecs ?? 0),
        models: config?.models ?? [],
        priority: config?.priority ?? 0,
        version: Number(version),
      }));
    },
    async deleteRoute({ workspace, name }) {
      const request = { workspace, routeName: name };
      const action = `delete inference route "${name}"`;
      return (await calls.call(action, (o) => routes.deleteInferenceRoute(request, o))).deleted;
    },
  };
}

function placeOf(
  { routeName, workspace }: { readonly routeName: string; readonly workspace: string },
): RouteName {
  return { name: routeName, workspace };
}
