/**
 * Callers of a rule.
 *
 * @module
 */

import { PATH_BYTES_MAX } from "../../proto/limits.ts";
import type { Findings } from "../parse/findings.ts";
import type { RawBinary, RawRule } from "../parse/schema.ts";
import { quote } from "../parse/source.ts";
import type { Binary } from "../policy.ts";
import { checkGlob } from "./glob.ts";
import { byteLength, type Placed, placed, readable, warnDuplicates } from "./place.ts";

/** Returns the callers of a rule; reports a rule that has none. */
export function validateBinaries(raw: RawRule, findings: Findings): readonly Binary[] {
  const { binaries } = raw;
  if (!binaries.written || binaries.value?.length === 0) {
    const message = "A rule without binaries admits no caller; any binary is written /**";
    findings.add("rule_without_binaries", binaries.field, message, {
      fix: 'binaries: [{ path: "/**" }]',
    });
  }
  const items = readable(binaries);
  for (const withDescendants of [false, true]) {
    const alike = items.filter(({ value }) =>
      (value.descendants.value ?? false) === withDescendants
    );
    const paths = alike.flatMap(({ value }) => placed(value.path) ?? []);
    warnDuplicates(paths.map(({ field, value }) => ({ field, key: value })), findings);
  }
  return items.flatMap(({ value }) => {
    const binary = validateBinary(value, findings);
    return binary === null ? [] : [binary];
  });
}

function validateBinary(raw: RawBinary, findings: Findings): Binary | null {
  if (raw.harness.written) {
    const message = "harness is ignored";
    const { field } = raw.harness;
    findings.add("deprecated_harness", field, message, { fix: "remove it", at: field.keySpan });
  }
  if (!raw.path.written) {
    const fix = "path: /usr/bin/curl";
    findings.add("missing_key", raw.at, "A binary needs a path", { fix });
  }
  const path = placed(raw.path);
  if (path === null || !checkPath(path, findings)) return null;
  return { path: path.value, descendants: raw.descendants.value ?? false };
}

function checkPath(path: Placed<string>, findings: Findings): boolean {
  const { field, value } = path;
  if (!value.startsWith("/") && !/^\*\*(?:\/|$)/.test(value)) {
    const message = `Binary ${quote(value)} should be an absolute path`;
    const fix = /^[\w.+-]+$/.test(value) ? `/usr/bin/${value}` : null;
    findings.add("binary_not_absolute", field, message, { fix });
    return false;
  }
  if (byteLength(value) > PATH_BYTES_MAX) {
    findings.add("path_too_long", field, `The path is longer than ${PATH_BYTES_MAX} bytes`);
    return false;
  }
  const parts = value.split("/").slice(1);
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    const message = `Binary ${quote(value)} is not how the kernel reports a path`;
    const kept = parts.filter((part) => part !== "" && part !== ".");
    const fix = parts.includes("..") || kept.length === 0 ? null : `/${kept.join("/")}`;
    findings.add("binary_not_normalised", field, message, { fix });
    return false;
  }
  if (/^\s|\s$/.test(value)) {
    const message = `Binary ${quote(value)} starts or ends with a space, which is part of its name`;
    findings.add("binary_outer_space", field, message, { fix: value.trim() });
  }
  if (!value.includes("*")) {
    if (!/[?[{\\]/.test(value)) return true;
    const message = `${quote(value)} has no *, so it is one literal path and no glob`;
    findings.add("literal_metacharacter", field, message);
    return true;
  }
  if (checkGlob(path, "path", findings) === null) return false;
  if (/^(?:\/?\*\*)(?:\/\*{1,2})*$/.test(value)) {
    findings.add("any_binary", field, "Any program in the sandbox may use these endpoints");
  }
  return true;
}
