/**
 * Methods about credentials whose values the gateway makes anew, and the record of what it made.
 *
 * No answer holds a value or a piece of material. Every change is recorded before it is answered.
 *
 * @module
 */

import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { pause } from "../pause.ts";
import { STRATEGIES } from "../providers/profile/profile.ts";
import { InvalidProviderError } from "../providers/provider_errors.ts";
import { ownedKeys, type RefreshRecord, toStatus } from "../providers/refresh/refresh_record.ts";
import type { RefreshName, RefreshService } from "../providers/refresh/refresh_service.ts";
import { RefreshWorker } from "../providers/refresh/refresh_worker.ts";
import { resolveWorkspace } from "../sandbox/check_request.ts";

export interface RefreshMethodPorts {
  readonly refresh: RefreshService;
  /** Records a change that belongs to no sandbox. */
  readonly recordProvider: (state: string, message: string) => Promise<void>;
  readonly whoCalls: (context: HandlerContext) => string;
}

type RefreshMethods = Pick<
  ServiceImpl<typeof OpenShell>,
  | "getProviderRefreshStatus"
  | "configureProviderRefresh"
  | "rotateProviderCredential"
  | "deleteProviderRefresh"
>;

export function refreshMethods(
  { refresh, recordProvider, whoCalls }: RefreshMethodPorts,
): RefreshMethods {
  return {
    async getProviderRefreshStatus(request) {
      return { credentials: (await refresh.status(nameOf(request))).map(toStatus) };
    },
    async configureProviderRefresh(request, context) {
      const { strategy, material, secretMaterialKeys: secretNames, expiresAtMs } = request;
      const made = await refresh.configure({
        ...nameOf(request),
        strategy: strategyOf(strategy),
        ...{ material, secretNames },
        expiresAtMs: Number(expiresAtMs ?? 0n),
      });
      const how = `to be made anew by ${made.strategy}`;
      await recordProvider("configured", `${describe(made)} ${how}, by ${whoCalls(context)}`);
      return { status: toStatus(made) };
    },
    async rotateProviderCredential(request, context) {
      const made = await refresh.rotate(nameOf(request));
      await recordProvider("rotated", `${describe(made)} made anew, by ${whoCalls(context)}`);
      return { status: toStatus(made) };
    },
    async deleteProviderRefresh(request, context) {
      const name = nameOf(request);
      const deleted = await refresh.delete(name);
      const message = `provider ${name.provider}: ${name.key} not to be made anew any more`;
      if (deleted) await recordProvider("removed", `${message}, by ${whoCalls(context)}`);
      return { deleted };
    },
  };
}

/** Starts what makes values when they are due. */
export function startRefreshWorker(
  { refresh, recordProvider, onProblem }: Omit<RefreshMethodPorts, "whoCalls"> & {
    readonly onProblem: (error: unknown) => void;
  },
): RefreshWorker {
  return new RefreshWorker({
    refreshes: {
      all: () => refresh.all(),
      refreshDue: (record) => refresh.refreshDue(record),
      subscribe: (listener) => refresh.subscribe(listener),
    },
    onRefreshed: (record) => recordProvider("rotated", `${describe(record)} made anew, as due`),
    async onFailed(record, error) {
      // One that goes on failing is told once: its status has the rest.
      if (record.state === "error") return;
      onProblem(error);
      await recordProvider("failed", `${describe(record)} could not be made anew`);
    },
    onProblem,
    now: Date.now,
    pause,
  });
}

function describe(record: RefreshRecord): string {
  return `provider ${record.providerName}: ${ownedKeys(record).join(", ")}`;
}

function nameOf(
  { provider, credentialKey, workspace }: {
    readonly provider: string;
    readonly credentialKey: string;
    readonly workspace: string;
  },
): RefreshName {
  return { workspace: resolveWorkspace(workspace), provider, key: credentialKey };
}

function strategyOf(number: number) {
  if (number === 0) return null;
  const strategy = STRATEGIES[number - 1];
  if (strategy !== undefined) return strategy;
  throw new InvalidProviderError("the strategy", "there is no such strategy");
}
