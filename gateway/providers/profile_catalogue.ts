/**
 * All profiles there are: those of the program and those that people have imported.
 *
 * An id means one profile: nothing that is imported takes the place of another one. An import is
 * whole or does not happen.
 *
 * @module
 */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ProviderProfile,
  ProviderProfileSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { PAGE_OBJECTS_MAX } from "../../proto/limits.ts";
import { PROFILE_IMPORT_MAX, PROFILES_MAX } from "../../proto/provider_limits.ts";
import {
  ConflictError,
  type ObjectStore,
  type StoredObject,
  type Write,
} from "../store/contract.ts";
import {
  BuiltinProfiles,
  TYPE_ALIASES,
  TYPES_WITHOUT_PROFILE,
} from "./profile/builtin_profiles.ts";
import { parseProfile } from "./profile/parse_profile.ts";
import type { Profile } from "./profile/profile.ts";
import { profileFromWire, profileToWire } from "./profile/profile_wire.ts";
import {
  InvalidProviderError,
  ProfileNotFoundError,
  ProviderRefusedError,
} from "./provider_errors.ts";

/** Workspace of profiles that are for all. */
export const PLATFORM = "";

/** A profile, and where it is from. */
export interface CataloguedProfile {
  readonly profile: Profile;
  readonly source: "builtin" | "user";
  readonly scope: "platform" | "workspace";
  /** 0 for those of the program. */
  readonly resourceVersion: number;
}

/** What is wrong with one profile of an import. */
export interface ProfileProblem {
  readonly source: string;
  readonly profileId: string;
  readonly field: string;
  readonly message: string;
  readonly severity: "error" | "warning";
}

export interface ProfileItem {
  readonly message: ProviderProfile;
  /** Where the client has it from, for its own messages. */
  readonly source: string;
}

export interface Judged {
  readonly profiles: readonly Profile[];
  readonly problems: readonly ProfileProblem[];
}

export class ProfileCatalogue {
  readonly #builtin = new BuiltinProfiles();
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Returns the profile that a type has in a workspace. */
  async find(workspace: string, id: string): Promise<CataloguedProfile | null> {
    const builtin = this.#builtin.get(id);
    if (builtin !== null) return ofProgram(builtin);
    const object = await this.#store.find("provider_profile", workspace, id) ??
      await this.#store.find("provider_profile", PLATFORM, id);
    return object === null ? null : fromStored(object);
  }

  /** @throws {ProfileNotFoundError} */
  async get(workspace: string, id: string): Promise<CataloguedProfile> {
    const found = await this.find(workspace, id);
    if (found === null) throw new ProfileNotFoundError(id.slice(0, 64));
    return found;
  }

  /** Those that a workspace sees, by id. */
  async list(workspace: string): Promise<readonly CataloguedProfile[]> {
    const places = workspace === PLATFORM ? [PLATFORM] : [PLATFORM, workspace];
    const stored = await Promise.all(places.map((place) => this.#stored(place)));
    return [...this.#builtin.list().map(ofProgram), ...stored.flat()]
      .toSorted((a, b) => a.profile.id < b.profile.id ? -1 : 1);
  }

  /** Whether a provider may have the type. */
  async isType(workspace: string, id: string): Promise<boolean> {
    return TYPES_WITHOUT_PROFILE.includes(id) || await this.find(workspace, id) !== null;
  }

  /** Says what is wrong with profiles that are to be imported. */
  async judge(workspace: string, items: readonly ProfileItem[]): Promise<Judged> {
    const { profiles, problems, sources } = readProfiles(items);
    const seen = new Set<string>();
    const more: ProfileProblem[] = [];
    for (const [index, { id }] of profiles.entries()) {
      const taken = seen.has(id) ? "it is there twice" : await this.#findTaken(workspace, id);
      seen.add(id);
      if (taken === null) continue;
      const source = sources[index] ?? "";
      more.push({ source, profileId: id, field: "id", message: taken, severity: "error" });
    }
    return { profiles, problems: [...problems, ...more] };
  }

  /** Keeps new profiles: all of them, or none where something is wrong. */
  async import(workspace: string, items: readonly ProfileItem[]): Promise<Judged> {
    const judged = await this.judge(workspace, items);
    if (hasErrors(judged.problems)) return judged;
    const there = await this.#stored(workspace);
    if (there.length + judged.profiles.length > PROFILES_MAX) {
      const detail = `there would be more than ${PROFILES_MAX}`;
      throw new ProviderRefusedError("resource_exhausted", "import profiles", detail);
    }
    await this.#store.apply(
      judged.profiles.map((profile) => toWrite(workspace, profile, "create")),
    );
    return judged;
  }

  /** Replaces a profile that was read at a version. @throws {CodedError} */
  async update(
    workspace: string,
    { id, item, expectedResourceVersion }: {
      readonly id: string;
      readonly item: ProfileItem;
      readonly expectedResourceVersion: number;
    },
  ): Promise<Judged> {
    const before = await this.#mine(workspace, id, "update");
    const { profiles, problems } = readProfiles([item]);
    const [profile] = profiles;
    if (profile === undefined || hasErrors(problems)) return { profiles, problems };
    if (profile.id !== id) {
      throw new InvalidProviderError(`id "${profile.id}"`, `the profile is "${id}"`);
    }
    if (expectedResourceVersion !== before.resourceVersion) {
      throw new ConflictError("changed", "provider_profile", id);
    }
    await this.#store.apply([toWrite(workspace, profile, before.resourceVersion)]);
    return { profiles, problems };
  }

  /** Returns false where there was none. */
  async delete(workspace: string, id: string): Promise<boolean> {
    if (await this.find(workspace, id) === null) return false;
    const before = await this.#mine(workspace, id, "delete");
    await this.#store.apply([
      { kind: "delete", type: "provider_profile", id: before.id, expected: before.resourceVersion },
    ]);
    return true;
  }

  async #mine(workspace: string, id: string, verb: string): Promise<StoredObject> {
    if (this.#builtin.get(id) !== null) {
      const detail = "it comes with the program";
      throw new ProviderRefusedError("failed_precondition", `${verb} profile "${id}"`, detail);
    }
    const object = await this.#store.find("provider_profile", workspace, id);
    if (object === null) throw new ProfileNotFoundError(id.slice(0, 64));
    return object;
  }

  async #findTaken(workspace: string, id: string): Promise<string | null> {
    if (this.#builtin.get(id) !== null) return "a profile of the program has this id";
    if (Object.hasOwn(TYPE_ALIASES, id) || TYPES_WITHOUT_PROFILE.includes(id)) {
      return "the id is reserved";
    }
    // One for all would also be one for each workspace, so that none may have it.
    const all = await this.#store.list({ type: "provider_profile" });
    const isTaken = all.some(({ name, workspace: place }) =>
      name === id && (workspace === PLATFORM || place === workspace || place === PLATFORM)
    );
    return isTaken ? "a profile with this id is there already" : null;
  }

  async #stored(workspace: string): Promise<readonly CataloguedProfile[]> {
    const query = { type: "provider_profile", workspace, limit: PAGE_OBJECTS_MAX } as const;
    return (await this.#store.list(query)).map(fromStored);
  }
}

export function hasErrors(problems: readonly ProfileProblem[]): boolean {
  return problems.some(({ severity }) => severity === "error");
}

/** Reads profiles that a client has sent. @throws {InvalidProviderError} where there are too many. */
export function readProfiles(items: readonly ProfileItem[]) {
  if (items.length === 0 || items.length > PROFILE_IMPORT_MAX) {
    const detail = `there should be 1 to ${PROFILE_IMPORT_MAX}`;
    throw new InvalidProviderError("the profiles", detail);
  }
  const profiles: Profile[] = [];
  const sources: string[] = [];
  const problems: ProfileProblem[] = [];
  for (const { message, source } of items) {
    const { profile, diagnostics } = parseProfile(JSON.stringify(profileFromWire(message)));
    const profileId = message.id;
    problems.push(...diagnostics.map(({ path, message, severity }) => ({
      source,
      profileId,
      field: path,
      message,
      severity,
    })));
    if (profile === null) continue;
    profiles.push(profile);
    sources.push(source);
  }
  return { profiles, problems, sources };
}

function ofProgram(profile: Profile): CataloguedProfile {
  return { profile, source: "builtin", scope: "platform", resourceVersion: 0 };
}

function toWrite(workspace: string, profile: Profile, expected: "create" | number): Write {
  const origin = { source: "user", scope: "", resourceVersion: 0 };
  return {
    kind: "put",
    expected,
    object: {
      id: `${workspace}/${profile.id}`,
      type: "provider_profile",
      workspace,
      name: profile.id,
      scope: null,
      version: null,
      status: "",
      payload: toBinary(ProviderProfileSchema, profileToWire(profile, origin)),
      labels: {},
    },
  };
}

function fromStored(object: StoredObject): CataloguedProfile {
  const message = fromBinary(ProviderProfileSchema, object.payload);
  const { profile, diagnostics } = parseProfile(JSON.stringify(profileFromWire(message)));
  if (profile === null) {
    const reason = diagnostics.find(({ severity }) => severity === "error")?.message ?? "";
    const detail = `this version cannot read it: ${reason}`;
    throw new ProviderRefusedError("failed_precondition", `use profile "${object.name}"`, detail);
  }
  const scope = object.workspace === PLATFORM ? "platform" : "workspace";
  return { profile, source: "user", scope, resourceVersion: object.resourceVersion };
}
