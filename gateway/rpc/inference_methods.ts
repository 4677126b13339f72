/**
 * Methods about routes of model calls.
 *
 * @module
 */

import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { InferenceRoutes } from "../../proto/gen/openshell/ext/v1/inference_pb.ts";
import type { Inference } from "../../proto/gen/openshell/inference/v1/inference_pb.ts";
import type { InferenceBundle, InferenceService } from "../inference/inference_service.ts";
import { type RouteRecord, USER_ROUTE } from "../inference/route_record.ts";
import { resolveWorkspace } from "../sandbox/check_request.ts";
import { sandboxOf } from "./call_context.ts";

export interface InferenceMethodPorts {
  readonly inference: InferenceService;
  /** Workspace of a sandbox. @throws {SandboxNotFoundError} */
  readonly workspaceOf: (sandboxId: string) => Promise<string>;
  /** Records a change; left out: nobody is told. */
  readonly recordChange?: (
    state: string,
    message: string,
    context: HandlerContext,
  ) => Promise<void>;
}

/** `openshell.inference.v1.Inference`. */
export function inferenceMethods(ports: InferenceMethodPorts): ServiceImpl<typeof Inference> {
  const { inference, workspaceOf, recordChange } = ports;
  return {
    async setInferenceRoute(request, context) {
      const workspace = resolveWorkspace(request.workspace);
      const { route, endpoint } = await inference.set({
        workspace,
        name: request.routeName,
        provider: request.providerName,
        model: request.modelId,
        timeoutSecs: Number(request.timeoutSecs),
        models: request.models,
        priority: request.priority,
        verifies: !request.noVerify,
      });
      const { name, version, provider, model } = route;
      await recordChange?.(
        version === 1 ? "created" : "updated",
        `inference route ${name}: model ${model} by provider ${provider}`,
        context,
      );
      return {
        ...toAnswer(route),
        validationPerformed: endpoint !== null,
        validatedEndpoints: endpoint === null ? [] : [endpoint],
      };
    },
    async getInferenceRoute({ routeName, workspace }) {
      const route = await inference.get(resolveWorkspace(workspace), routeName);
      return { ...toAnswer(route), models: [...route.models], priority: route.priority };
    },
    async deleteInferenceRoute({ routeName, workspace }, context) {
      const deleted = await inference.delete(resolveWorkspace(workspace), routeName);
      const name = routeName === "" ? USER_ROUTE : routeName;
      if (deleted) await recordChange?.("removed", `inference route ${name}`, context);
      return { deleted };
    },
    async getInferenceBundle(_request, context) {
      const sandboxId = sandboxOf(context);
      return toBundle(await inference.bundle(await workspaceOf(sandboxId), sandboxId));
    },
  };
}

/** `openshell.ext.v1.InferenceRoutes`. */
export function inferenceRoutesService(
  { inference }: Pick<InferenceMethodPorts, "inference">,
): ServiceImpl<typeof InferenceRoutes> {
  return {
    async listInferenceRoutes({ workspace }) {
      const routes = await inference.list(resolveWorkspace(workspace));
      return { routes: routes.map(toWire) };
    },
  };
}

/** Returns a bundle as the wire has it, for `GetInferenceBundle` and generations alike. */
export function toBundle({ routes, revision, tokenBudget }: InferenceBundle) {
  return {
    routes: routes.map(({ route, type, baseUrl, apiKey, protocols, modelInPath, awsSigning }) => ({
      name: route.name,
      baseUrl,
      protocols: [...protocols],
      apiKey,
      modelId: route.model,
      providerType: type,
      timeoutSecs: BigInt(route.timeoutSecs),
      models: [...route.models],
      priority: route.priority,
      modelInPath,
      ...awsSigning === null ? {} : { awsSigning },
    })),
    revision,
    generatedAtMs: BigInt(Date.now()),
    tokenBudget,
  };
}

function toAnswer({ provider, model, version, name, timeoutSecs, workspace }: RouteRecord) {
  return {
    providerName: provider,
    modelId: model,
    version: BigInt(version),
    routeName: name,
    timeoutSecs: BigInt(timeoutSecs),
    workspace,
  };
}

function toWire(route: RouteRecord) {
  const { id, name, workspace, createdAtMs, resourceVersion, version } = route;
  const { provider, model, timeoutSecs, models, priority } = route;
  return {
    metadata: {
      id,
      name,
      workspace,
      createdAtMs: BigInt(createdAtMs),
      resourceVersion: BigInt(resourceVersion),
    },
    config: {
      providerName: provider,
      modelId: model,
      timeoutSecs: BigInt(timeoutSecs),
      models: [...models],
      priority,
    },
    version: BigInt(version),
  };
}
