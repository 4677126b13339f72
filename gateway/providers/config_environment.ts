/**
 * Variables that are no secret, made from the config of a provider.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { METADATA_ADDRESS } from "../../proto/metadata_server.ts";
import type { ProviderRecord } from "./provider_record.ts";

/** Returns variables for programs of the sandbox, in clear. */
export function configEnvironment(
  { type, config }: Pick<ProviderRecord, "type" | "config">,
): Readonly<Record<string, string>> {
  const read = (...keys: readonly string[]) =>
    keys.map((key) => config[key] ?? "").find((value) => value !== "") ?? "";
  if (type !== "google-cloud" && type !== "google-vertex-ai") return {};
  const isVertex = type === "google-vertex-ai";
  const project = read("project_id", "VERTEX_AI_PROJECT_ID");
  const region = read("region", "VERTEX_AI_REGION");
  return withoutEmpty({
    GCP_PROJECT_ID: project,
    GOOGLE_CLOUD_PROJECT: project,
    CLOUD_ML_REGION: region,
    GCP_LOCATION: region,
    // Where the supervisor emulates the metadata server, which client libraries get tokens from.
    GCE_METADATA_HOST: isVertex ? "" : METADATA_ADDRESS,
    GCE_METADATA_IP: isVertex ? "" : METADATA_ADDRESS,
    METADATA_SERVER_DETECTION: isVertex ? "" : "assume-present",
    GCP_SERVICE_ACCOUNT_EMAIL: isVertex ? "" : read("service_account_email"),
    ANTHROPIC_VERTEX_PROJECT_ID: isVertex ? project : "",
    VERTEX_LOCATION: isVertex ? region : "",
    GOOSE_PROVIDER: isVertex ? "gcp_vertex_ai" : "",
  });
}

function withoutEmpty(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== ""));
}
