/**
 * The verbs of `openshell policy`, loaded when one of them runs.
 *
 * @module
 */

export { check } from "./policy_check.ts";
export { compile } from "./policy_compile.ts";
export { diff } from "./policy_diff.ts";
export { explain } from "./policy_explain.ts";
export { fmt } from "./policy_fmt.ts";
