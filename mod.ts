/**
 * OpenShell as a library: the same policy core that the program uses.
 *
 * @module
 */

export { type CheckedPolicy, checkPolicy } from "./policy-wasm/check_policy.ts";
export { compilePolicy, type Image } from "./policy-wasm/compile.ts";
export type { Diagnostic, Severity } from "./policy-wasm/diagnostic.ts";
export type { Policy } from "./policy-wasm/policy.ts";
export { CodedError, type ErrorCode } from "./proto/errors.ts";
