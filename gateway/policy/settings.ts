/**
 * Settings of the gateway and of its sandboxes. One that is set globally wins, and cannot be set
 * for a sandbox.
 *
 * @module
 */

import { CodedError, type ErrorCode } from "../../proto/errors.ts";
import { STORE_ATTEMPTS_MAX } from "../../proto/limits.ts";
import { ConflictError, type ObjectStore, put, type Write } from "../store/contract.ts";

export type SettingValue = string | boolean;

/** A setting cannot be read or written. */
export class SettingError extends CodedError {
  override readonly name = "SettingError";

  constructor(override readonly code: ErrorCode, key: string, detail: string, hint?: string) {
    super(`Cannot use setting "${key}": ${detail}`, hint === undefined ? {} : { hint });
  }
}

type SettingKind = "switch" | "count" | readonly string[];

/** Keys that exist: a switch, a whole number (0 is no limit), or one of some words. */
export const SETTING_KEYS: Readonly<Record<string, SettingKind>> = {
  providers_v2_enabled: "switch",
  ocsf_json_enabled: "switch",
  agent_policy_proposals_enabled: "switch",
  proposal_approval_mode: ["manual", "auto"],
  inference_token_budget: "count",
};

/** What is set in one place. */
export interface Settings {
  readonly values: Readonly<Record<string, SettingValue>>;
  /** One more with each change. */
  readonly revision: number;
}

export interface EffectiveSetting {
  readonly value: SettingValue;
  readonly scope: "global" | "sandbox";
}

/** Where a setting belongs: everywhere, or the id of a sandbox. */
export type SettingScope = "global" | { readonly sandboxId: string };

/** A change of one setting; `null` takes it out. */
export interface SettingChange {
  readonly scope: SettingScope;
  readonly key: string;
  readonly value: SettingValue | null;
}

export class SettingsStore {
  readonly #store: ObjectStore;
  readonly #listeners = new Set<() => void>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async read(scope: SettingScope): Promise<Settings> {
    return (await this.#read(scope)).settings;
  }

  /** Sets a key. Returns the new revision. @throws {SettingError} */
  async set(scope: SettingScope, key: string, value: SettingValue): Promise<number> {
    const checked = checkValue(key, value);
    await this.#refuseGlobal(scope, key);
    return await this.#change(scope, (values) => ({ ...values, [key]: checked }));
  }

  /** Takes a key out. Returns the new revision, or `null` where it was not set. @throws {SettingError} */
  async delete(scope: SettingScope, key: string): Promise<number | null> {
    kindOf(key);
    await this.#refuseGlobal(scope, key);
    if ((await this.read(scope)).values[key] === undefined) return null;
    return await this.#change(scope, ({ [key]: _gone, ...rest }) => rest);
  }

  /** Returns what holds for a sandbox. */
  async effective(sandboxId: string): Promise<Readonly<Record<string, EffectiveSetting>>> {
    const own = Object.entries((await this.read({ sandboxId })).values);
    const global = Object.entries((await this.read("global")).values);
    return Object.fromEntries([
      ...own.map(([key, value]) => [key, { value, scope: "sandbox" } as const] as const),
      ...global.map(([key, value]) => [key, { value, scope: "global" } as const] as const),
    ]);
  }

  /** Calls `listener` after each change, of whatever scope. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Returns the writes that remove the settings of a sandbox. */
  removal(sandboxId: string): readonly Write[] {
    return [{ kind: "delete", type: "sandbox_settings", id: sandboxId, expected: "any" }];
  }

  async #refuseGlobal(scope: SettingScope, key: string): Promise<void> {
    if (scope === "global" || (await this.read("global")).values[key] === undefined) return;
    throw new SettingError(
      "failed_precondition",
      key,
      "it is set for every sandbox",
      "Change it globally",
    );
  }

  async #change(
    scope: SettingScope,
    change: (values: Settings["values"]) => Settings["values"],
  ): Promise<number> {
    for (let attempt = 1;; attempt++) {
      const { settings, expected } = await this.#read(scope);
      const next: Settings = {
        values: change(settings.values),
        revision: settings.revision + 1,
      };
      try {
        await put(this.#store, toFields(scope, next), expected);
        for (const listener of [...this.#listeners]) listener();
        return next.revision;
      } catch (error) {
        if (!(error instanceof ConflictError) || attempt === STORE_ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #read(scope: SettingScope) {
    const { type, id } = place(scope);
    const object = await this.#store.get(type, id);
    if (object === null) {
      return { settings: { values: {}, revision: 0 }, expected: "create" as const };
    }
    const settings = JSON.parse(new TextDecoder().decode(object.payload)) as Settings;
    return { settings, expected: object.resourceVersion };
  }
}

/** Words of people for a switch. */
const SWITCHES: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "true", "yes", "y", "on"].map((word) => [word, true])),
  ...Object.fromEntries(["0", "false", "no", "n", "off"].map((word) => [word, false])),
};

/** Returns the value that is kept. @throws {SettingError} */
export function checkValue(key: string, value: SettingValue): SettingValue {
  const kind = kindOf(key);
  if (kind === "switch") {
    const read = typeof value === "boolean" ? value : SWITCHES[value.toLowerCase()];
    if (read !== undefined) return read;
    throw new SettingError("invalid_argument", key, "it is true or false");
  }
  if (kind === "count") {
    if (typeof value === "string" && /^(?:0|[1-9][0-9]{0,14})$/.test(value)) return value;
    throw new SettingError("invalid_argument", key, "it is a whole number, and 0 is no limit");
  }
  if (typeof value === "string" && kind.includes(value)) return value;
  throw new SettingError("invalid_argument", key, `it is one of ${kind.join(", ")}`);
}

function kindOf(key: string): SettingKind {
  const kind = Object.hasOwn(SETTING_KEYS, key) ? SETTING_KEYS[key] : undefined;
  if (kind !== undefined) return kind;
  const hint = `Use one of ${Object.keys(SETTING_KEYS).join(", ")}`;
  throw new SettingError("invalid_argument", key, "it does not exist", hint);
}

function place(scope: SettingScope) {
  return scope === "global"
    ? { type: "gateway_settings", id: "global", scope: null } as const
    : { type: "sandbox_settings", id: scope.sandboxId, scope: scope.sandboxId } as const;
}

function toFields(scope: SettingScope, settings: Settings) {
  const at = place(scope);
  return {
    ...at,
    workspace: "",
    name: at.id,
    version: null,
    status: "",
    payload: new TextEncoder().encode(JSON.stringify(settings)),
    labels: {},
  };
}
