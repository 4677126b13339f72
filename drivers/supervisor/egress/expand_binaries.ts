/**
 * Adds to a policy what its binaries lead to inside the sandbox: callers are known by the path of
 * the file itself, while people write the path that they type, which may be a link.
 *
 * What is written stays, so a link that is gone later changes nothing.
 *
 * @module
 */

import { PATH_BYTES_MAX } from "../../../proto/limits.ts";
import { BINARY_LINKS_MAX } from "../../../proto/egress_limits.ts";
import type { Binary, Policy } from "../../../policy-wasm/policy.ts";

/** Reads a link at an absolute path of the sandbox; `null` for whatever is no link. */
export type ReadLink = (path: string) => string | null;

/** Returns a reader of the files of a sandbox, given its init's process id on the host. */
export function sandboxLinks(initPid: number): ReadLink {
  const root = `/proc/${initPid}/root`;
  return (path) => {
    try {
      return Deno.readLinkSync(root + path);
    } catch {
      // It is no link, is not there, or cannot be looked at: nothing is added then.
      return null;
    }
  };
}

/** Returns the policy with the resolved paths added, each with the `descendants` of its link. */
export function expandBinaries(policy: Policy, readLink: ReadLink): Policy {
  return {
    ...policy,
    rules: policy.rules.map((rule) => ({ ...rule, binaries: expand(rule.binaries, readLink) })),
  };
}

function expand(binaries: readonly Binary[], readLink: ReadLink): readonly Binary[] {
  const expanded = [...binaries];
  for (const { path, descendants } of binaries) {
    const resolved = path.includes("*") ? null : resolveLinks(path, readLink);
    // A star in a path would be read as a glob, and admit more than the one file.
    if (resolved === null || resolved === path || resolved.includes("*")) continue;
    const isThere = expanded.some((other) =>
      other.path === resolved && other.descendants === descendants
    );
    if (!isThere) expanded.push({ path: resolved, descendants });
  }
  return expanded;
}

/**
 * Returns where a path leads, `null` where it leads in circles or nowhere near a path. Goes part by
 * part, so that every link is read as the sandbox would: none leads out of its root.
 */
export function resolveLinks(path: string, readLink: ReadLink): string | null {
  const done: string[] = [];
  const parts = path.split("/").reverse();
  for (let links = 0; parts.length > 0;) {
    const part = parts.pop();
    if (part === undefined || part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const here = `/${[...done, part].join("/")}`;
    if (here.length > PATH_BYTES_MAX) return null;
    const to = readLink(here);
    if (to === null) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > BINARY_LINKS_MAX || to === "") return null;
    if (to.startsWith("/")) done.length = 0;
    parts.push(...to.split("/").reverse());
  }
  return `/${done.join("/")}`;
}
