/**
 * Annotations of a sandbox or a policy that mean something to OpenShell.
 *
 * @module
 */

/** Where it is `"true"`, the gateway deletes the sandbox when it has ended, whoever asked for it. */
export const UNKEPT_ANNOTATION = "openshell.dev/unkept";

/**
 * On a change of a policy: where it is `"true"`, the policy is taken although it is not proved. It
 * is not kept.
 */
export const FORCE_ANNOTATION = "openshell.dev/force";

/** On a policy revision: what came of its proof, as JSON. Only the gateway writes it. */
export const PROOF_ANNOTATION = "openshell.dev/proof";
