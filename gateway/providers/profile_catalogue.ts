/**
 * All profiles there are: those of the program and those that people have imported.
 *
 * @module
 */

import { BuiltinProfiles, TYPES_WITHOUT_PROFILE } from "./profile/builtin_profiles.ts";
import type { Profile } from "./profile/profile.ts";

/** A profile, and where it is from. */
export interface CataloguedProfile {
  readonly profile: Profile;
  readonly source: "builtin" | "user";
  /** `platform`, or the workspace that has it. */
  readonly scope: "platform" | "workspace";
  /** 0 for those of the program. */
  readonly resourceVersion: number;
}

export class ProfileCatalogue {
  readonly #builtin = new BuiltinProfiles();

  /** Returns the profile that a type has in a workspace. */
  find(_workspace: string, id: string): Promise<CataloguedProfile | null> {
    const profile = this.#builtin.get(id);
    return Promise.resolve(
      profile === null
        ? null
        : { profile, source: "builtin", scope: "platform", resourceVersion: 0 },
    );
  }

  /** Whether a provider may have the type. */
  async isType(workspace: string, id: string): Promise<boolean> {
    return TYPES_WITHOUT_PROFILE.includes(id) || await this.find(workspace, id) !== null;
  }
}
