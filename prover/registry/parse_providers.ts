/**
 * A providers document: which credentials are in scope, and of which hosts. There is no secret in
 * it, and no key for one.
 *
 * @module
 */

import type { Diagnostic } from "../../policy-wasm/diagnostic.ts";
import type { Findings } from "../../policy-wasm/parse/findings.ts";
import {
  integer,
  list,
  mapOf,
  type Read,
  record,
  type RecordOf,
  text,
} from "../../policy-wasm/parse/reader.ts";
import type { Source } from "../../policy-wasm/parse/source.ts";
import { validateHost } from "../../policy-wasm/validate/host.ts";
import { placed, readable, warnDuplicates } from "../../policy-wasm/validate/place.ts";
import { checkVersion, readDocument } from "../claims/read_document.ts";
import { readPorts } from "../claims/read_ports.ts";
import type { Provider, ProviderEndpoint } from "../questions/credentials.ts";

/** What came of a providers document. */
export interface ParsedProviders {
  /** `null` exactly when some diagnostic is an error. Sorted by name. */
  readonly providers: readonly Provider[] | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly source: Source;
}

const SECRET = "has no place here: the prover never needs a secret";

const endpoint = record({ host: text, port: integer, ports: list(integer) }, {
  what: "an endpoint of a provider",
  renamed: { hostname: "host", url: "host" },
});

const provider = record({ description: text, endpoints: list(endpoint) }, {
  what: "a provider",
  renamed: { hosts: "endpoints", target_hosts: "endpoints" },
  notes: {
    credential: SECRET,
    key: SECRET,
    password: SECRET,
    secret: SECRET,
    token: SECRET,
    value: SECRET,
  },
});

const document = record({ version: integer, providers: mapOf(provider) }, {
  what: "a providers document",
  renamed: { credentials: "providers" },
  sections: ["providers"],
});

type RawProvider = RecordOf<
  {
    description: typeof text;
    endpoints: (...of: Parameters<typeof text>) => readonly Read<RawEndpoint>[] | undefined;
  }
>;

type RawEndpoint = RecordOf<
  {
    host: typeof text;
    port: typeof integer;
    ports: (...of: Parameters<typeof integer>) => readonly Read<number>[] | undefined;
  }
>;

/** Parses and validates a document, YAML or JSON. Never throws on bad input. */
export function parseProviders(input: Uint8Array | string): ParsedProviders {
  const { findings, root } = readDocument(input);
  const raw = root === null ? undefined : document(root, findings);
  const providers: Provider[] = [];
  if (root !== null && raw !== undefined) {
    checkVersion(raw.version, { root, what: "a providers document", findings });
    if (!raw.providers.written) {
      const fix = "providers: {}";
      findings.add("missing_key", root, "A providers document needs providers", { fix });
    }
    for (const { field, value } of raw.providers.value ?? []) {
      if (value === undefined) continue;
      providers.push({
        name: String(field.origin?.step),
        endpoints: endpointsOf(value, findings),
      });
    }
  }
  const diagnostics = findings.finish();
  const isUsable = diagnostics.every(({ severity }) => severity !== "error");
  return {
    providers: isUsable ? providers.toSorted((a, b) => a.name < b.name ? -1 : 1) : null,
    diagnostics,
    source: findings.source,
  };
}

function endpointsOf(raw: RawProvider, findings: Findings): readonly ProviderEndpoint[] {
  const { endpoints } = raw;
  if (!endpoints.written) {
    findings.add("missing_key", raw.at, "A provider needs endpoints");
  } else if (endpoints.value?.length === 0) {
    const message = "endpoints needs at least one host, or the credential is in scope of nothing";
    findings.add("empty_list", endpoints.field, message);
  }
  const read = readable(endpoints).flatMap(({ field, value }) => {
    const host = placed(value.host);
    if (!value.host.written) findings.add("missing_key", field, "An endpoint needs a host");
    const ports = readPorts(value, "An endpoint", findings);
    const valid = host === null ? undefined : validateHost(host, undefined, findings);
    return valid === undefined ? [] : [{ field, host: valid, ports }];
  });
  const keyed = read.map(({ field, host, ports }) => ({
    field,
    key: ports === null ? host : `${host}:${ports.join()}`,
  }));
  warnDuplicates(keyed, findings);
  return read.map(({ host, ports }) => ({ host, ports }));
}
