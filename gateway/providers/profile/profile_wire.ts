/**
 * Profile documents as messages of the wire, and back.
 *
 * Only the form is turned over. What a message says is judged as a document is, by `parseProfile`.
 *
 * @module
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { policyDocumentFromWire, policyDocumentToWire } from "../../../policy-wasm/wire.ts";
import { SandboxPolicySchema } from "../../../proto/gen/openshell/sandbox/v1/sandbox_pb.ts";
import {
  type ProviderProfile,
  type ProviderProfileCredential,
  type ProviderProfileCredentialSchema,
  ProviderProfileSchema,
} from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import {
  CATEGORIES,
  type Plain,
  type Profile,
  type ProfileCredential,
  STRATEGIES,
} from "./profile.ts";

/** Where a profile is from, as answers say it. */
export interface ProfileOrigin {
  readonly source: string;
  readonly scope: string;
  readonly resourceVersion: number;
}

/** Returns the message of a profile. */
export function profileToWire(profile: Profile, origin: ProfileOrigin): ProviderProfile {
  const { endpoints, binaries } = toRule(profile);
  return create(ProviderProfileSchema, {
    id: profile.id,
    displayName: profile.displayName,
    description: profile.description,
    category: CATEGORIES.indexOf(profile.category) + 1,
    inferenceCapable: profile.inferenceCapable,
    annotations: { ...profile.annotations },
    credentials: profile.credentials.map(toCredential),
    ...profile.discovery.length === 0 ? {} : { discovery: { credentials: [...profile.discovery] } },
    endpoints,
    binaries,
    source: origin.source,
    scope: origin.scope,
    resourceVersion: BigInt(origin.resourceVersion),
  });
}

/** Returns the document of a message, as `parseProfile` takes it once it is JSON. */
export function profileFromWire(message: ProviderProfile): Plain {
  const { endpoints, binaries } = fromRule(message);
  return withoutEmpty({
    id: message.id,
    resource_version: Number(message.resourceVersion),
    annotations: { ...message.annotations },
    display_name: message.displayName,
    description: message.description,
    category: CATEGORIES[message.category - 1] ?? "",
    inference_capable: message.inferenceCapable,
    credentials: message.credentials.map(fromCredential),
    discovery: withoutEmpty({ credentials: [...message.discovery?.credentials ?? []] }),
    endpoints,
    binaries,
  });
}

function toRule({ rule }: Profile) {
  if (rule.endpoints.length === 0 && rule.binaries.length === 0) {
    return { endpoints: [], binaries: [] };
  }
  const message = policyDocumentToWire({ version: 1, network_policies: { profile: rule } });
  const found = message.networkPolicies["profile"];
  return { endpoints: found?.endpoints ?? [], binaries: found?.binaries ?? [] };
}

function fromRule({ endpoints, binaries }: ProviderProfile): Plain {
  if (endpoints.length === 0 && binaries.length === 0) return {};
  const message = create(SandboxPolicySchema, {
    version: 1,
    networkPolicies: { profile: { endpoints, binaries } },
  });
  const document = policyDocumentFromWire(message, { withoutMarks: true });
  return (document["network_policies"] as Readonly<Record<string, Plain>>)["profile"] ?? {};
}

function toCredential(
  credential: ProfileCredential,
): MessageInitShape<typeof ProviderProfileCredentialSchema> {
  const { refresh } = credential;
  return {
    name: credential.name,
    description: credential.description,
    envVars: [...credential.envVars],
    required: credential.required,
    authStyle: credential.authStyle,
    headerName: credential.headerName,
    queryParam: credential.queryParam,
    pathTemplate: credential.pathTemplate,
    ...refresh === null ? {} : {
      refresh: {
        strategy: STRATEGIES.indexOf(refresh.strategy) + 1,
        tokenUrl: refresh.tokenUrl,
        scopes: [...refresh.scopes],
        refreshBeforeSeconds: BigInt(refresh.refreshBeforeSeconds),
        maxLifetimeSeconds: BigInt(refresh.maxLifetimeSeconds),
        material: refresh.material.map((piece) => ({ ...piece })),
        additionalOutputs: refresh.additionalOutputs.map((output) => ({ ...output })),
      },
    },
  };
}

function fromCredential(credential: ProviderProfileCredential): Plain {
  const { refresh } = credential;
  return withoutEmpty({
    name: credential.name,
    description: credential.description,
    env_vars: [...credential.envVars],
    required: credential.required,
    auth_style: credential.authStyle,
    header_name: credential.headerName,
    query_param: credential.queryParam,
    path_template: credential.pathTemplate,
    // There is no such key: a profile that needs one is refused, not used without it.
    token_grant: credential.tokenGrant === undefined ? "" : "not known",
    refresh: refresh === undefined ? "" : withoutEmpty({
      strategy: STRATEGIES[refresh.strategy - 1] ?? "",
      token_url: refresh.tokenUrl,
      scopes: [...refresh.scopes],
      refresh_before_seconds: Number(refresh.refreshBeforeSeconds),
      max_lifetime_seconds: Number(refresh.maxLifetimeSeconds),
      material: refresh.material.map(({ name, description, required, secret }) =>
        withoutEmpty({ name, description, required, secret })
      ),
      additional_outputs: refresh.additionalOutputs.map(({ output, credential }) => ({
        output,
        credential,
      })),
    }),
  });
}

/** What was not said is left out. */
function withoutEmpty(document: Plain): Plain {
  return Object.fromEntries(
    Object.entries(document).filter(([, value]) => {
      if (value === undefined || value === "" || value === 0 || value === false) return false;
      if (Array.isArray(value)) return value.length > 0;
      return typeof value !== "object" || value === null || Object.keys(value).length > 0;
    }),
  );
}
