/**
 * Records what people change about a sandbox, in the gateway's own chain of its events.
 *
 * @module
 */

import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { OpenShell } from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { FORCE_ANNOTATION, PROOF_ANNOTATION } from "../../proto/annotations.ts";
import type { AuditedSandbox, RecordChange } from "./change_recorder.ts";

export interface AuditPorts {
  /** Returns the sandbox, `null` where there is none. */
  readonly find: (workspace: string, name: string) => Promise<AuditedSandbox | null>;
  readonly whoCalls: (context: HandlerContext) => string;
  readonly record: RecordChange;
}

type Changing = Pick<
  ServiceImpl<typeof OpenShell>,
  "updateConfig" | "stopSandbox" | "startSandbox" | "createSandbox"
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
      const sandbox = request.global ? null : await ports.find(request.workspace, request.name);
      const what = request.policy === undefined ? `setting ${request.settingKey}` : "policy";
      const isForced = request.annotations[FORCE_ANNOTATION] !== undefined;
      const by = `${what}, by ${ports.whoCalls(context)}${isForced ? ", with force" : ""}`;
      try {
        const answer = await methods.updateConfig(request, context);
        const { version = 0, policyHash: hash = "" } = answer;
        if (sandbox !== null) {
          const proof = answer.annotations?.[PROOF_ANNOTATION];
          const message = isForced ? `${by}: proof ${proof ?? "not asked"}` : by;
          await record(sandbox, { state: "updated", message, version, hash });
        }
        return answer;
      } catch (error) {
        if (sandbox !== null) {
          await record(sandbox, { state: "rejected", message: `${by}: refused`, failed: true });
        }
        throw error;
      }
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
