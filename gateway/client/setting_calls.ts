/**
 * Calls about settings.
 *
 * @module
 */

import { SettingScope } from "../../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
import type { CallPorts } from "./process_calls.ts";
import type { PolicyScope, SettingCalls } from "./types.ts";

export function settingCalls(
  { openshell, calls }: Pick<CallPorts, "openshell" | "calls">,
): SettingCalls {
  return {
    async getSettings(sandboxId) {
      if (sandboxId === null) {
        const answer = await calls.call(
          "get the settings",
          (o) => openshell.getGatewayConfig({}, o),
        );
        return Object.entries(answer.settings)
          .map(([key, { value }]) => ({ key, value: valueOf(value), scope: "global" }));
      }
      const answer = await calls.call(
        "get the settings",
        (o) => openshell.getSandboxConfig({ sandboxId }, o),
      );
      return Object.entries(answer.settings).map(([key, { value, scope }]) => ({
        key,
        value: valueOf(value?.value),
        scope: scope === SettingScope.GLOBAL ? "global" : "sandbox",
      }));
    },
    async setSetting(scope, key, value) {
      const settingValue = { value: { case: "stringValue", value } } as const;
      const request = { ...toScope(scope), settingKey: key, settingValue };
      await calls.call(`set "${key}"`, (o) => openshell.updateConfig(request, o));
    },
    async deleteSetting(scope, key) {
      const request = { ...toScope(scope), settingKey: key, deleteSetting: true };
      const action = `delete setting "${key}"`;
      return (await calls.call(action, (o) => openshell.updateConfig(request, o))).deleted;
    },
  };
}

function toScope(scope: PolicyScope) {
  return scope.kind === "global"
    ? { global: true }
    : { name: scope.name, workspace: scope.workspace };
}

function valueOf(
  value: { readonly case?: string | undefined; readonly value?: unknown } | undefined,
): string | boolean {
  return typeof value?.value === "boolean" ? value.value : String(value?.value ?? "");
}
