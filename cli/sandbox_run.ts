/**
 * The verbs of `openshell sandbox`, loaded when one of them runs.
 *
 * @module
 */

export { create } from "./sandbox/create.ts";
export { connect, exec } from "./sandbox/exec.ts";
export { remove, start, stop } from "./sandbox/lifecycle.ts";
export { get, list } from "./sandbox/list.ts";
export { download, upload } from "./sandbox/transfer.ts";
