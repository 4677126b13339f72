/**
 * Methods about sandboxes: made, shown, stopped, started, ended, and their logs.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { type OpenShell, SandboxSpecSchema } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { LOG_LINES_DEFAULT, LOG_LINES_MAX, PAGE_OBJECTS_MAX } from "../../proto/limits.ts";
import type { SandboxService } from "../sandbox/sandboxes.ts";
import { toMessage } from "../sandbox/sandbox_record.ts";
import { sandboxOf } from "./call_context.ts";
import type { LogSource } from "./log_source.ts";

/** Sandboxes that a page has where the caller does not say. */
const PAGE_DEFAULT = 100;

type SandboxMethods = Pick<
  ServiceImpl<typeof OpenShell>,
  | "createSandbox"
  | "getSandbox"
  | "listSandboxes"
  | "deleteSandbox"
  | "stopSandbox"
  | "startSandbox"
  | "getSandboxLogs"
  | "reportMainProcessExit"
>;

export function sandboxMethods(sandboxes: SandboxService, logs: LogSource): SandboxMethods {
  return {
    async createSandbox({ spec = create(SandboxSpecSchema), ...request }) {
      return { sandbox: toMessage(await sandboxes.create({ ...request, spec })) };
    },
    async getSandbox({ workspace, name }) {
      return { sandbox: toMessage(await sandboxes.get(workspace, name)) };
    },
    async listSandboxes({ limit, offset, labelSelector, workspace, allWorkspaces }) {
      const records = await sandboxes.list({
        workspace: allWorkspaces ? null : workspace,
        labelSelector,
        limit: Math.min(limit || PAGE_DEFAULT, PAGE_OBJECTS_MAX),
        offset,
      });
      return { sandboxes: records.map(toMessage) };
    },
    async deleteSandbox({ workspace, name }) {
      return { deleted: await sandboxes.delete(workspace, name) };
    },
    async stopSandbox({ workspace, name }) {
      return { sandbox: toMessage(await sandboxes.stop(workspace, name)) };
    },
    async startSandbox({ workspace, name }) {
      return { sandbox: toMessage(await sandboxes.start(workspace, name)) };
    },
    async getSandboxLogs({ sandboxId, lines, sinceMs, sources, minLevel }) {
      await sandboxes.getById(sandboxId);
      const read = await logs.read(sandboxId, {
        lines: Math.min(lines || LOG_LINES_DEFAULT, LOG_LINES_MAX),
        sinceMs: Number(sinceMs),
        sources,
        minLevel,
      });
      return { logs: [...read.lines], bufferTotal: read.total };
    },
    async reportMainProcessExit({ instanceId, exitCode }, context) {
      await sandboxes.mainProcessExited(sandboxOf(context), instanceId, exitCode);
      return {};
    },
  };
}
