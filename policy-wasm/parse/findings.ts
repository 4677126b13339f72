/**
 * Collects what parser and validator find, and turns it into diagnostics in source order.
 *
 * Bounded: when there is more than `DIAGNOSTICS_MAX`, errors stay before warnings, and one last
 * diagnostic counts the rest.
 *
 * @module
 */

import { DIAGNOSTICS_MAX } from "../../proto/limits.ts";
import type { Diagnostic, Severity } from "../diagnostic.ts";
import { DIAGNOSTIC_CODES, type DiagnosticCode } from "../diagnostic_code.ts";
import type { Source, Span } from "./source.ts";
import { rangeOf } from "./source.ts";
import type { Field } from "./tree.ts";

/** What a finding may say beyond its message. */
export interface FindingOptions {
  /** What to write instead. */
  readonly fix?: string | null;
  /** A narrower place than the field. */
  readonly at?: Span;
}

/** The findings about one document. */
export class Findings {
  readonly source: Source;
  readonly #kept: Record<Severity, Finding[]> = { error: [], warning: [] };
  readonly #seen = new Set<string>();
  readonly #counts: Record<Severity, number> = { error: 0, warning: 0 };

  constructor(source: Source) {
    this.source = source;
  }

  get hasErrors(): boolean {
    return this.#counts.error > 0;
  }

  /** Errors so far; a caller compares two counts to learn whether a step went well. */
  get errorCount(): number {
    return this.#counts.error;
  }

  /** Records one finding. The same one again, as from an alias, counts once. */
  add(code: DiagnosticCode, place: Field | Span, message: string, options: FindingOptions = {}) {
    const { severity } = DIAGNOSTIC_CODES[code];
    const span = options.at ?? ("node" in place ? place.span : place);
    this.#counts[severity]++;
    const kept = this.#kept[severity];
    if (kept.length >= KEPT_MAX) return;
    const key = `${code} ${span.start} ${message}`;
    if (this.#seen.has(key)) {
      this.#counts[severity]--;
      return;
    }
    this.#seen.add(key);
    const path = "node" in place ? place.path : "";
    const fix = (options.fix?.length ?? 0) <= FIX_LENGTH_MAX ? options.fix ?? null : null;
    kept.push({ code, severity, message, path, span, fix });
  }

  /** Returns the diagnostics, first place first. */
  finish(): Diagnostic[] {
    const errors = this.#dropConsequences().toSorted(bySpan);
    const warnings = this.#kept.warning.toSorted(bySpan);
    const shown = [...errors, ...warnings].slice(0, DIAGNOSTICS_MAX).sort(bySpan);
    const diagnostics = shown.map((finding) => this.#diagnostic(finding));
    const hidden = this.#hidden(shown);
    if (hidden !== null) diagnostics.push(this.#diagnostic(hidden));
    return diagnostics;
  }

  /** What is missing because its key is misspelled is mended with the key. */
  #dropConsequences(): Finding[] {
    const misspelled = new Set(
      this.#kept.error
        .filter(({ code, fix }) => code === "unknown_key" && fix !== null)
        .map(({ path }) => parentOf(path)),
    );
    const errors = this.#kept.error.filter(({ code, path }) =>
      !MISSING.has(code) || !(misspelled.has(path) || misspelled.has(parentOf(path)))
    );
    this.#counts.error -= this.#kept.error.length - errors.length;
    return errors;
  }

  #hidden(shown: readonly Finding[]): Finding | null {
    const errorsShown = shown.filter((finding) => finding.severity === "error").length;
    const errors = this.#counts.error - errorsShown;
    const warnings = this.#counts.warning - (shown.length - errorsShown);
    if (errors + warnings === 0) return null;
    const code = errors > 0 ? "more_errors" : "more_warnings";
    const message = `${errors} more errors and ${warnings} more warnings are not shown`;
    const span = shown.at(-1)!.span;
    return { code, severity: errors > 0 ? "error" : "warning", message, path: "", span, fix: null };
  }

  #diagnostic({ code, severity, message, path, span, fix }: Finding): Diagnostic {
    return { severity, code, message, path, ...rangeOf(this.source, span), fix };
  }
}

/** Codes of findings that a key is missing, with the mapping or a key in it as their place. */
const MISSING: ReadonlySet<DiagnosticCode> = new Set<DiagnosticCode>([
  "missing_key",
  "missing_host",
  "missing_port",
  "rule_without_endpoints",
  "rule_without_binaries",
  "protocol_without_rules",
  "deny_without_allow",
  "empty_rule",
  "allow_without_path",
  "allow_without_method",
  "allow_without_operation_type",
  "allow_without_command",
]);

/** Path of the mapping that holds a key. */
function parentOf(path: string): string {
  return path.replace(/(?:^|\.)[^.[\]]+$|\["(?:[^"\\]|\\.)*"\]$/, "");
}

interface Finding {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  readonly message: string;
  readonly path: string;
  readonly span: Span;
  readonly fix: string | null;
}

/** Longer fixes help nobody. */
const FIX_LENGTH_MAX = 300;

/** Findings are kept unsorted until the end, so more than are shown, but not without bound. */
const KEPT_MAX = 100 * DIAGNOSTICS_MAX;

function bySpan(a: Finding, b: Finding): number {
  return a.span.start - b.span.start;
}
