/**
 * Flags of `sandbox create` that this build knows and refuses.
 *
 * @module
 */

import type { Flag } from "./command.ts";

/** Each is understood, so that the person learns why it does not work. */
export const REFUSED_CREATE_FLAGS: readonly Flag[] = [
  { kind: "text", name: "from", value: "SOURCE", summary: "Image", hidden: true },
  { kind: "text", name: "gpu", value: "COUNT", summary: "Graphics processors", hidden: true },
  { kind: "text", name: "editor", value: "NAME", summary: "Editor to open", hidden: true },
  { kind: "switch", name: "keep", summary: "Keep the sandbox, which is the default", hidden: true },
];

/** What to do instead. */
export const REFUSED_HINTS: Readonly<Record<string, string>> = {
  from: "Sandboxes of this build see the programs of this machine; no image is needed",
  gpu: "Leave it out",
  editor: 'Leave it out, and use "openshell sandbox connect"',
};
