import assert from "node:assert/strict";
import { configEnvironment } from "./config_environment.ts";

Deno.test.each([
  { name: "another type", type: "github", config: { project_id: "p" }, want: {} },
  {
    name: "Google Cloud without config: it has the metadata server",
    type: "google-cloud",
    config: {},
    want: {
      GCE_METADATA_HOST: "127.0.0.1:8174",
      GCE_METADATA_IP: "127.0.0.1:8174",
      METADATA_SERVER_DETECTION: "assume-present",
    },
  },
  {
    name: "Google Cloud",
    type: "google-cloud",
    config: { project_id: "p", region: "r", service_account_email: "a@b.example" },
    want: {
      GCP_PROJECT_ID: "p",
      GOOGLE_CLOUD_PROJECT: "p",
      CLOUD_ML_REGION: "r",
      GCP_LOCATION: "r",
      GCP_SERVICE_ACCOUNT_EMAIL: "a@b.example",
      GCE_METADATA_HOST: "127.0.0.1:8174",
      GCE_METADATA_IP: "127.0.0.1:8174",
      METADATA_SERVER_DETECTION: "assume-present",
    },
  },
  {
    name: "Vertex: it has names of its own, and no metadata server",
    type: "google-vertex-ai",
    config: { VERTEX_AI_PROJECT_ID: "p", VERTEX_AI_REGION: "r", service_account_email: "x" },
    want: {
      GCP_PROJECT_ID: "p",
      GOOGLE_CLOUD_PROJECT: "p",
      CLOUD_ML_REGION: "r",
      GCP_LOCATION: "r",
      ANTHROPIC_VERTEX_PROJECT_ID: "p",
      VERTEX_LOCATION: "r",
      GOOSE_PROVIDER: "gcp_vertex_ai",
    },
  },
])("configEnvironment() of $name", ({ type, config, want }) => {
  assert.deepEqual(configEnvironment({ type, config: config as Record<string, string> }), want);
});
