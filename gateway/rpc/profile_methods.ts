/**
 * Methods about profiles of providers. An empty workspace means those that are for all.
 *
 * @module
 */

import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type {
  OpenShell,
  ProviderProfileImportItem,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { PAGE_OBJECTS_MAX } from "../../proto/limits.ts";
import {
  type CataloguedProfile,
  hasErrors,
  PLATFORM,
  type ProfileCatalogue,
  type ProfileItem,
  type ProfileProblem,
  readProfiles,
} from "../providers/profile_catalogue.ts";
import type { LayerGuard } from "../providers/layer_guard.ts";
import { profileToWire } from "../providers/profile/profile_wire.ts";
import { ProviderRefusedError } from "../providers/provider_errors.ts";
import type { ProviderService } from "../providers/provider_service.ts";
import { resolveWorkspace } from "../sandbox/check_request.ts";

export interface ProfileMethodPorts {
  readonly profiles: ProfileCatalogue;
  readonly providers: ProviderService;
  readonly guard: LayerGuard;
  /** Records a change that belongs to no sandbox. */
  readonly recordProvider: (state: string, message: string) => Promise<void>;
  readonly whoCalls: (context: HandlerContext) => string;
}

type ProfileMethods = Pick<
  ServiceImpl<typeof OpenShell>,
  | "listProviderProfiles"
  | "getProviderProfile"
  | "importProviderProfiles"
  | "updateProviderProfiles"
  | "lintProviderProfiles"
  | "deleteProviderProfile"
>;

/** Profiles that a page has where the caller does not say. */
const PAGE_DEFAULT = 100;

export function profileMethods(ports: ProfileMethodPorts): ProfileMethods {
  return { ...readingMethods(ports), ...changingMethods(ports) };
}

function readingMethods({ profiles }: ProfileMethodPorts) {
  return {
    async listProviderProfiles({ workspace, limit, offset }) {
      const all = await profiles.list(placeOf(workspace));
      const count = Math.min(limit || PAGE_DEFAULT, PAGE_OBJECTS_MAX);
      return { profiles: all.slice(offset, offset + count).map(toMessage) };
    },
    async getProviderProfile({ workspace, id }) {
      return { profile: toMessage(await profiles.get(placeOf(workspace), id)) };
    },
    async lintProviderProfiles({ workspace, profiles: items }) {
      const { problems } = await profiles.judge(placeOf(workspace), items.map(toItem));
      return { diagnostics: problems.map(toDiagnostic), valid: !hasErrors(problems) };
    },
  } satisfies Partial<ProfileMethods>;
}

function changingMethods(ports: ProfileMethodPorts) {
  const { profiles, providers, guard, recordProvider, whoCalls } = ports;
  const find = async (place: string, id: string) => toMessage(await profiles.get(place, id));
  return {
    async importProviderProfiles({ workspace, profiles: items }, context) {
      const place = placeOf(workspace);
      const read = items.map(toItem);
      const upcoming = { workspace: place, profiles: readProfiles(read).profiles };
      const judged = await guard.holdProfiles(upcoming, () => profiles.import(place, read));
      const diagnostics = judged.problems.map(toDiagnostic);
      if (hasErrors(judged.problems)) return { diagnostics, profiles: [], imported: false };
      const ids = judged.profiles.map(({ id }) => id);
      await recordProvider("imported", `profiles ${ids.join(", ")}, by ${whoCalls(context)}`);
      const made = await Promise.all(ids.map((id) => find(place, id)));
      return { diagnostics, profiles: made, imported: true };
    },
    async updateProviderProfiles({ workspace, id, profile, expectedResourceVersion }, context) {
      const place = placeOf(workspace);
      if (profile === undefined) {
        throw new ConnectError("the request holds no profile", Code.InvalidArgument);
      }
      const item = toItem(profile);
      // One with another id is refused, and takes the place of none.
      const next = readProfiles([item]).profiles.filter((read) => read.id === id);
      const { problems } = await guard.holdProfiles(
        { workspace: place, profiles: next },
        () =>
          profiles.update(place, {
            id,
            item,
            expectedResourceVersion: Number(expectedResourceVersion),
          }),
      );
      const diagnostics = problems.map(toDiagnostic);
      if (hasErrors(problems)) return { diagnostics, updated: false };
      await providers.profileChanged(place === PLATFORM ? null : place, id);
      await recordProvider("updated", `profile ${id}, by ${whoCalls(context)}`);
      return { diagnostics, profile: await find(place, id), updated: true };
    },
    async deleteProviderProfile({ workspace, id }, context) {
      const place = placeOf(workspace);
      const deleted = await guard.exclusive(async () => {
        const [user] = await providers.namesOfType(place === PLATFORM ? null : place, id);
        if (user !== undefined && (await profiles.find(place, id))?.source === "user") {
          throw new ProviderRefusedError(
            "failed_precondition",
            `delete profile "${id}"`,
            `provider "${user}" is of this type`,
            "Delete that one first",
          );
        }
        return await profiles.delete(place, id);
      });
      if (deleted) await recordProvider("removed", `profile ${id}, by ${whoCalls(context)}`);
      return { deleted };
    },
  } satisfies Partial<ProfileMethods>;
}

function placeOf(workspace: string): string {
  return workspace === PLATFORM ? PLATFORM : resolveWorkspace(workspace);
}

function toMessage({ profile, ...origin }: CataloguedProfile) {
  return profileToWire(profile, origin);
}

function toItem({ profile, source }: ProviderProfileImportItem): ProfileItem {
  if (profile === undefined) {
    throw new ConnectError("the request holds no profile", Code.InvalidArgument);
  }
  return { message: profile, source };
}

function toDiagnostic(problem: ProfileProblem) {
  return { ...problem };
}
