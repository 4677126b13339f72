/**
 * Methods about the gateway itself and its one workspace.
 *
 * @module
 */

import type { ServiceImpl } from "@connectrpc/connect";
import type { ComputeDriver } from "../../drivers/compute/contract.ts";
import { WorkspacePhase } from "../../proto/gen/openshell/datamodel/v1/datamodel_pb.ts";
import { type OpenShell, ServiceStatus } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { DEFAULT_WORKSPACE, resolveWorkspace } from "../sandbox/check_request.ts";
import { parseLabelSelector } from "../sandbox/label_selector.ts";
import type { ObjectStore } from "../store/contract.ts";
import { principalOf } from "./call_context.ts";

export interface GatewayPorts {
  readonly store: Pick<ObjectStore, "ping">;
  readonly driver: Pick<ComputeDriver, "name" | "version">;
  readonly version: string;
}

type GatewayMethods = Pick<
  ServiceImpl<typeof OpenShell>,
  "health" | "getCurrentUser" | "getGatewayInfo" | "getWorkspace" | "listWorkspaces"
>;

export function gatewayMethods({ store, driver, version }: GatewayPorts): GatewayMethods {
  return {
    async health() {
      return { status: await statusOf(store), version };
    },
    getCurrentUser(_request, context) {
      const principal = principalOf(context);
      if (principal.kind !== "user") return {};
      const { subject, roles, identityProvider } = principal;
      return { subject, displayName: subject, roles: [...roles], identityProvider };
    },
    async getGatewayInfo() {
      const capabilities = { driverName: driver.name, driverVersion: driver.version };
      return {
        status: await statusOf(store),
        gatewayVersion: version,
        computeDrivers: [{ name: driver.name, capabilities }],
      };
    },
    getWorkspace({ name }) {
      resolveWorkspace(name);
      return { workspace: WORKSPACE };
    },
    listWorkspaces({ offset, labelSelector }) {
      const isListed = offset === 0 && Object.keys(parseLabelSelector(labelSelector)).length === 0;
      return { workspaces: isListed ? [WORKSPACE] : [] };
    },
  };
}

const WORKSPACE = {
  metadata: { id: DEFAULT_WORKSPACE, name: DEFAULT_WORKSPACE, resourceVersion: 1n },
  status: { phase: WorkspacePhase.ACTIVE },
} as const;

async function statusOf(store: Pick<ObjectStore, "ping">): Promise<ServiceStatus> {
  try {
    await store.ping();
    return ServiceStatus.HEALTHY;
  } catch {
    // Which is the answer: it is asked for the state, not for the reason.
    return ServiceStatus.UNHEALTHY;
  }
}
