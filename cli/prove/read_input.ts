/**
 * Reads the files that a proof is about.
 *
 * @module
 */

import type { Diagnostic } from "../../policy-wasm/diagnostic.ts";
import { decodeSource, type Source } from "../../policy-wasm/parse/source.ts";
import { POLICY_TEXT_BYTES_MAX } from "../../proto/limits.ts";
import { CodedError } from "../../proto/errors.ts";
import type { Claim } from "../../prover/claims/claim.ts";
import { parseClaims } from "../../prover/claims/parse_claims.ts";
import type { ProofInput } from "../../prover/input.ts";
import type { Provider } from "../../prover/questions/credentials.ts";
import { parseProviders } from "../../prover/registry/parse_providers.ts";
import { parseRegistry, type Registry } from "../../prover/registry/registry.ts";
import type { Role } from "../../prover/report.ts";
import type { Invocation } from "../command.ts";
import { readInput, STANDARD_STREAM } from "../files.ts";
import { errorsOf, readPolicy, renderAll } from "../policy_input.ts";
import { UsageError } from "../usage_error.ts";
import { parseRisks, type Risk } from "./parse_risks.ts";

/** A document beside the policy is not valid. The diagnostics were printed. */
export class InvalidDocumentError extends CodedError {
  override readonly name = "InvalidDocumentError";
  override readonly code = "invalid_argument";

  constructor(kind: string, file: string, errors: number) {
    super(`Cannot use ${kind} "${file}": it has ${errors === 1 ? "1 error" : `${errors} errors`}`);
  }
}

/** Flags that name a document. */
export const FILE_FLAGS = [
  "ceiling",
  "floor",
  "baseline",
  "claims",
  "providers",
  "registry",
  "risks",
] as const;

/** Everything that was read. */
export interface ReadInput {
  readonly input: ProofInput;
  readonly registry: Registry | null;
  readonly risks: readonly Risk[];
  readonly risksFile: string | null;
  readonly files: Readonly<Partial<Record<Role, string>>> & { readonly policy: string };
  readonly claimKeys: readonly string[];
}

/**
 * Reads all documents of a command line.
 *
 * @throws {FileError} one cannot be read
 * @throws {InvalidPolicyError} {InvalidDocumentError} one is not valid; it was said why
 */
export async function readProofInput(invocation: Invocation): Promise<ReadInput> {
  const policyFile = invocation.argument("POLICY");
  const named = FILE_FLAGS.map((flag) => invocation.text(flag)).filter((file) =>
    file !== undefined
  );
  if ([policyFile, ...named].filter((file) => file === STANDARD_STREAM).length > 1) {
    throw new UsageError('Cannot read "-" twice: standard input is one document');
  }
  const policy = await readPolicy(invocation, policyFile);
  const others: Partial<Record<Role, string>> = {};
  const subjects: { -readonly [Key in "ceiling" | "floor" | "baseline"]?: ProofInput["policy"] } =
    {};
  for (const role of ["ceiling", "floor", "baseline"] as const) {
    const file = invocation.text(role);
    if (file === undefined) continue;
    others[role] = file;
    subjects[role] = await readPolicy(invocation, file);
  }
  const claims = await readDocument(invocation, "claims", (bytes) => {
    const { claims: value, ...rest } = parseClaims(bytes);
    return { value, ...rest };
  });
  const claimKeys = (claims ?? []).map(({ key }: Claim) => key);
  const providers: readonly Provider[] | null = await readDocument(
    invocation,
    "providers",
    (bytes) => {
      const { providers: value, ...rest } = parseProviders(bytes);
      return { value, ...rest };
    },
  );
  const registry = await readDocument(invocation, "registry", (bytes) => {
    const { registry: value, diagnostics } = parseRegistry(bytes);
    return { value, diagnostics, source: decodeSource(bytes).source };
  });
  const now = invocation.context.machine.now();
  const risks = await readDocument(invocation, "risks", (bytes) => {
    const { risks: value, ...rest } = parseRisks(bytes, { now, claims: claimKeys });
    return { value, ...rest };
  });
  return {
    input: {
      policy,
      ...subjects,
      ...(claims === null ? {} : { claims }),
      ...(providers === null ? {} : { providers }),
    },
    registry,
    risks: risks ?? [],
    risksFile: invocation.text("risks") ?? null,
    files: { policy: policyFile, ...others },
    claimKeys,
  };
}

/** What every parser of a document returns. */
interface Parsed<T> {
  readonly value: T | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly source: Source;
}

/** Returns `null` where no such document is named. */
async function readDocument<T>(
  invocation: Invocation,
  kind: typeof FILE_FLAGS[number],
  parse: (bytes: Uint8Array) => Parsed<T>,
): Promise<T | null> {
  const file = invocation.text(kind);
  if (file === undefined) return null;
  const bytes = await readInput(invocation.context, file, POLICY_TEXT_BYTES_MAX);
  if (bytes.length > POLICY_TEXT_BYTES_MAX) {
    throw new UsageError(
      `Cannot use ${kind} "${file}": it is larger than ${POLICY_TEXT_BYTES_MAX} bytes`,
    );
  }
  const { value, ...parsed } = parse(bytes);
  if (parsed.diagnostics.length > 0) {
    invocation.context.stderr.write(renderAll(invocation, file, parsed));
  }
  if (value !== null) return value;
  throw new InvalidDocumentError(kind, file, errorsOf(parsed.diagnostics).length);
}
