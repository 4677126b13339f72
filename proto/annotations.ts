/**
 * Annotations of a sandbox that mean something to OpenShell.
 *
 * @module
 */

/** Where it is `"true"`, the gateway deletes the sandbox when it has ended, whoever asked for it. */
export const UNKEPT_ANNOTATION = "openshell.dev/unkept";
