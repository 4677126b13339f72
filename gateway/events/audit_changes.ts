/**
 * Records what people change about a sandbox, in the gateway's own chain of its events. What they
 * change for all, and that they delete a sandbox, is in a chain that outlives sandboxes.
 *
 * @module
 */

import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { OpenShell, UpdateConfigRequest } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { FORCE_ANNOTATION, PROOF_ANNOTATION } from "../../proto/annotations.ts";
import type { AuditedSandbox, RecordChange } from "./change_recorder.ts";
import type { ConfigChange } from "./gateway_log.ts";

export interface AuditPorts {
  /** Returns the sandbox, `null` where there is none. */
  readonly find: (workspace: string, name: string) => Promise<AuditedSandbox | null>;
  readonly whoCalls: (context: HandlerContext) => string;
  readonly record: RecordChange;
  /** Records a change that belongs to no sandbox, or to one that is gone. */
  readonly recordGateway: (change: ConfigChange) => Promise<void>;
}

type Changing = Pick<
  ServiceImpl<typeof OpenShell>,
  "updateConfig" | "stopSandbox" | "startSandbox" | "createSandbox" | "deleteSandbox"
>;

/**
 * Returns the methods with a record of each change, made or refused. A change that cannot be
 * recorded is answered with the failure, so that nobody takes it for recorded.
 */
export function auditChanges(methods: Changing, ports: AuditPorts): Changing {
  const { record } = ports;
  return {
    async createSandbox(request, context) {
      const answer = await methods.createSandbox(request, context);
      const metadata = answer.sandbox?.metadata;
      if (metadata?.id && metadata.name) {
        const message = `the sandbox was made by ${ports.whoCalls(context)}`;
        await record({ id: metadata.id, name: metadata.name }, { state: "created", message });
      }
      return answer;
    },
    async updateConfig(request, context) {
      const write = await recorderOf(ports, request);
      const isForced = request.annotations[FORCE_ANNOTATION] !== undefined;
      const who = ports.whoCalls(context);
      const by = `${describe(request)}, by ${who}${isForced ? ", with force" : ""}`;
      try {
        const answer = await methods.updateConfig(request, context);
        const { version = 0, policyHash: hash = "" } = answer;
        const proof = answer.annotations?.[PROOF_ANNOTATION];
        const message = isForced ? `${by}: proof ${proof ?? "not asked"}` : by;
        await write({ state: "updated", message, version, hash });
        return answer;
      } catch (error) {
        await write({ state: "rejected", message: `${by}: refused`, failed: true });
        throw error;
      }
    },
    async deleteSandbox(request, context) {
      const answer = await methods.deleteSandbox(request, context);
      if (answer.deleted === true) {
        const message = `sandbox ${request.name}, by ${ports.whoCalls(context)}`;
        await ports.recordGateway({ state: "removed", message });
      }
      return answer;
    },
    async stopSandbox(request, context) {
      const answer = await methods.stopSandbox(request, context);
      const sandbox = await ports.find(request.workspace, request.name);
      const message = `stopped by ${ports.whoCalls(context)}`;
      if (sandbox !== null) await record(sandbox, { state: "disabled", message });
      return answer;
    },
    async startSandbox(request, context) {
      const answer = await methods.startSandbox(request, context);
      const sandbox = await ports.find(request.workspace, request.name);
      const message = `started by ${ports.whoCalls(context)}`;
      if (sandbox !== null) await record(sandbox, { state: "enabled", message });
      return answer;
    },
  };
}

/** What is about a sandbox that does not exist is refused, and recorded nowhere. */
async function recorderOf(
  { find, record, recordGateway }: AuditPorts,
  { global, workspace, name }: UpdateConfigRequest,
): Promise<(change: ConfigChange) => Promise<void>> {
  if (global) return recordGateway;
  const sandbox = await find(workspace, name);
  return sandbox === null ? () => Promise.resolve() : (change) => record(sandbox, change);
}

/** Settings hold no secret, but what a client sends may. */
function describe(request: UpdateConfigRequest): string {
  const { policy, settingKey, deleteSetting, global } = request;
  const what = policy === undefined ? `setting ${settingKey.slice(0, 64)}` : "policy";
  return `${global ? "global " : ""}${what}${deleteSetting ? " deleted" : ""}`;
}
