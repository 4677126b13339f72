/**
 * Calls about profiles of providers.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import {
  type ProviderProfile,
  type ProviderProfileDiagnostic,
  ProviderProfileImportItemSchema,
} from "../../proto/gen/openshell/v1/openshell_pb.ts";
import { GatewayAnswerError } from "./gateway_answer_error.ts";
import type { CallPorts } from "./process_calls.ts";
import type { ProfileCalls, ProfileProblem, ProfileText, ProfileView } from "./provider_types.ts";

/** As many as a page may have: there are few. */
const PROFILES_LISTED_MAX = 1_000;

export function profileCalls(
  { openshell, calls }: Pick<CallPorts, "openshell" | "calls">,
): ProfileCalls {
  return {
    async listProfiles(workspace) {
      const request = { workspace, limit: PROFILES_LISTED_MAX };
      const answer = await calls.call(
        "list profiles",
        (o) => openshell.listProviderProfiles(request, o),
      );
      return await Promise.all(answer.profiles.map(toProfile));
    },
    async getProfile(workspace, id) {
      const action = `get profile "${id}"`;
      const answer = await calls.call(
        action,
        (o) => openshell.getProviderProfile({ workspace, id }, o),
      );
      if (answer.profile === undefined) throw withoutProfile();
      return await toProfile(answer.profile);
    },
    async importProfiles(workspace, texts) {
      const profiles = await Promise.all(texts.map(toItem));
      const answer = await calls.call(
        "import profiles",
        (o) => openshell.importProviderProfiles({ workspace, profiles }, o),
      );
      return {
        ids: answer.profiles.map(({ id }) => id),
        problems: answer.diagnostics.map(toProblem),
        isDone: answer.imported,
      };
    },
    async updateProfile(workspace, id, text) {
      const profile = await toItem(text);
      const expectedResourceVersion = profile.profile?.resourceVersion ?? 0n;
      const request = { workspace, id, profile, expectedResourceVersion };
      const answer = await calls.call(
        `update profile "${id}"`,
        (o) => openshell.updateProviderProfiles(request, o),
      );
      return {
        ids: answer.updated ? [id] : [],
        problems: answer.diagnostics.map(toProblem),
        isDone: answer.updated,
      };
    },
    async deleteProfile(workspace, id) {
      const action = `delete profile "${id}"`;
      const answer = await calls.call(
        action,
        (o) => openshell.deleteProviderProfile({ workspace, id }, o),
      );
      return answer.deleted;
    },
  };
}

// What documents need is loaded late: loading it takes longer than most calls.

async function toProfile(message: ProviderProfile): Promise<ProfileView> {
  const { profileFromWire } = await import("../providers/profile/profile_wire.ts");
  const document = profileFromWire(message);
  return {
    id: message.id,
    displayName: message.displayName,
    category: String(document["category"] ?? "other"),
    endpoints: message.endpoints.length,
    inferenceCapable: message.inferenceCapable,
    source: message.source,
    scope: message.scope,
    document,
  };
}

async function toItem({ text, source }: ProfileText) {
  const { checkProfileText } = await import("./profile_text.ts");
  const { profile } = checkProfileText(text);
  if (profile === null) throw new GatewayAnswerError(`Cannot send "${source}": it is no profile`);
  const { profileToWire } = await import("../providers/profile/profile_wire.ts");
  const origin = { source: "", scope: "", resourceVersion: profile.resourceVersion };
  return create(ProviderProfileImportItemSchema, {
    profile: profileToWire(profile, origin),
    source,
  });
}

function toProblem(diagnostic: ProviderProfileDiagnostic): ProfileProblem {
  const { source, field, message, severity } = diagnostic;
  return { source, field, message, severity };
}

function withoutProfile(): GatewayAnswerError {
  return new GatewayAnswerError("Cannot read the gateway's answer: it holds no profile");
}
