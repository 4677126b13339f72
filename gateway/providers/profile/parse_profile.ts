/**
 * Profile text to a validated {@link Profile}, with everything that is wrong with it.
 *
 * Endpoints and binaries are read by the policy's own parser, so that what a profile says means what
 * it would mean in a policy.
 *
 * Pure: no I/O, no module state. Fails closed: one error anywhere, and there is no profile.
 *
 * @module
 */

import { parseDocument } from "../../../policy-wasm/parse/document.ts";
import { Findings } from "../../../policy-wasm/parse/findings.ts";
import { policyDocument } from "../../../policy-wasm/parse/schema.ts";
import {
  decodeSource,
  findForbiddenCharacters,
  type Source,
  sourceOf,
} from "../../../policy-wasm/parse/source.ts";
import { Field, type MapEntry, toPlain, type TreeNode } from "../../../policy-wasm/parse/tree.ts";
import type { Rule } from "../../../policy-wasm/policy.ts";
import { validatePolicy } from "../../../policy-wasm/validate/policy.ts";
import { PROFILE_BYTES_MAX } from "../../../proto/provider_limits.ts";
import { Lints } from "./lints.ts";
import { checkProfile } from "./check_profile.ts";
import type { Plain, Profile, ProfileDiagnostic } from "./profile.ts";
import { profileDocument, type RawProfile } from "./profile_schema.ts";

/** What came of a profile document. */
export interface ParsedProfile {
  /** `null` exactly when some diagnostic is an error. */
  readonly profile: Profile | null;
  /** In source order. */
  readonly diagnostics: readonly ProfileDiagnostic[];
  readonly source: Source;
}

/** Parses and validates a document, YAML or JSON. Never throws on bad input. */
export function parseProfile(input: Uint8Array | string): ParsedProfile {
  if (input.length > PROFILE_BYTES_MAX) {
    const source = sourceOf("");
    const lints = new Lints(source);
    lints.add({ start: 0, end: 0 }, `The document is larger than ${PROFILE_BYTES_MAX} bytes`);
    return { profile: null, diagnostics: lints.list, source };
  }
  const { source, fault } = decodeSource(input);
  const findings = new Findings(source);
  const lints = new Lints(source);
  const faults = fault === null ? findForbiddenCharacters(source.text) : [fault];
  for (const { code, span, message } of faults) findings.add(code, span, message);
  const tree = faults.length > 0 ? null : parseDocument(source.text, findings);
  const root = tree === null ? null : new Field(tree);
  const raw = root === null ? undefined : profileDocument(root, findings);
  const rule = root === null || raw === undefined ? null : readRule(root, findings);
  const profile = raw === undefined ? null : checkProfile(raw, {
    endpoints: rule?.endpoints ?? [],
    binaries: rule?.binaries ?? [],
    document: documentOf(raw),
    lints,
  });
  const diagnostics = [...findings.finish().map(withoutPrefix), ...lints.list]
    .toSorted((a, b) => a.line - b.line || a.column - b.column);
  const isUsable = diagnostics.every(({ severity }) => severity !== "error");
  return { profile: isUsable ? profile : null, diagnostics, source };
}

/** Where a profile's endpoints stand while the policy's parser reads them. */
const PLACE = "network_policies.profile";

/** Admits nobody: for a profile that names no program. */
const NOBODY = "/nobody";

/** Reads endpoints and binaries as a policy's rule, each at its own place in the text. */
function readRule(root: Field, findings: Findings): Pick<
  Rule,
  "endpoints" | "binaries"
> {
  const endpoints = root.child("endpoints")?.node;
  if (endpoints === undefined || (endpoints.kind === "list" && endpoints.items.length === 0)) {
    return { endpoints: [], binaries: [] };
  }
  const binaries = root.child("binaries")?.node;
  const isOpen = binaries === undefined ||
    (binaries.kind === "list" && binaries.items.length === 0);
  const rule = mapNode(endpoints, {
    endpoints,
    binaries: isOpen
      ? listNode(endpoints, [pathNode(textNode(endpoints, NOBODY))])
      : expand(binaries),
  });
  const document = mapNode(root.node, {
    version: { kind: "scalar", text: "1", quoted: false, start: 0, end: 0 },
    network_policies: mapNode(endpoints, { profile: rule }),
  });
  const policy = policyDocument(new Field(document), findings);
  const read = policy === undefined ? null : validatePolicy(policy, findings);
  const found = read?.rules[0];
  if (found === undefined) return { endpoints: [], binaries: [] };
  return { endpoints: found.endpoints, binaries: isOpen ? [] : found.binaries };
}

/** A bare path stands for a binary. */
function expand(binaries: TreeNode): TreeNode {
  if (binaries.kind !== "list") return binaries;
  return {
    ...binaries,
    items: binaries.items.map((item) => item.kind === "scalar" ? pathNode(item) : item),
  };
}

function pathNode(path: TreeNode): TreeNode {
  return mapNode(path, { path });
}

function textNode({ start, end }: TreeNode, text: string): TreeNode {
  return { kind: "scalar", text, quoted: true, start, end };
}

function listNode({ start, end }: TreeNode, items: readonly TreeNode[]): TreeNode {
  return { kind: "list", items, start, end };
}

function mapNode(
  { start, end }: TreeNode,
  entries: Readonly<Record<string, TreeNode>>,
): TreeNode {
  const placed = Object.entries(entries).map(([key, value]): [string, MapEntry] => [key, {
    key: { start: value.start, end: value.start },
    value,
  }]);
  return { kind: "map", entries: new Map(placed), start, end };
}

function documentOf({ at }: RawProfile): Profile["rule"] {
  const read = (key: string): readonly unknown[] => {
    const node = at.child(key)?.node;
    const value = node === undefined ? [] : toPlain(node);
    return Array.isArray(value) ? value : [];
  };
  const binaries = read("binaries")
    .map((item) => typeof item === "string" ? { path: item } : item);
  return { endpoints: read("endpoints") as readonly Plain[], binaries };
}

function withoutPrefix(diagnostic: ProfileDiagnostic): ProfileDiagnostic {
  const { path } = diagnostic;
  return {
    ...diagnostic,
    path: path.startsWith(PLACE) ? path.slice(PLACE.length).replace(/^\./, "") : path,
    message: diagnostic.message.replaceAll("a policy", "a profile"),
  };
}
