/**
 * The paths that the emulated metadata server knows, and what each says.
 *
 * Pure: no I/O, no clock, no module state.
 *
 * @module
 */

import { DEFAULT_ACCOUNT, type MetadataFacts } from "./metadata_facts.ts";

export type MetadataEntry =
  | { readonly kind: "folder"; readonly entries: ReadonlyMap<string, MetadataEntry> }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "list"; readonly lines: readonly string[] }
  /** Made when it is asked for, and in no listing of values. */
  | { readonly kind: "token" };

/** The placeholder is good wherever the policy binds it: there is nothing narrower to say. */
const SCOPES = ["https://www.googleapis.com/auth/cloud-platform"] as const;

/** Returns the whole tree, from `/` on. */
export function metadataTree({ projectId, email }: MetadataFacts): MetadataEntry {
  const account = folder({
    aliases: { kind: "list", lines: [DEFAULT_ACCOUNT] },
    email: { kind: "text", text: email },
    scopes: { kind: "list", lines: SCOPES },
    token: { kind: "token" },
  });
  const accounts = new Map([[DEFAULT_ACCOUNT, account], [email, account]]);
  return folder({
    computeMetadata: folder({
      v1: folder({
        instance: folder({ "service-accounts": { kind: "folder", entries: accounts } }),
        // A number of the project is known to Google alone.
        project: folder(
          projectId === null ? {} : {
            "project-id": { kind: "text", text: projectId },
          },
        ),
      }),
    }),
  });
}

/** Returns what is at a path, `null` where nothing is. A last slash does not matter. */
export function findEntry(root: MetadataEntry, path: string): MetadataEntry | null {
  const names = path.split("/").slice(1);
  if (names.at(-1) === "") names.pop();
  let entry: MetadataEntry | undefined = root;
  for (const name of names) {
    if (entry?.kind !== "folder") return null;
    entry = entry.entries.get(name);
  }
  return entry ?? null;
}

/** Names what is in a folder, a line each; folders end in a slash. */
export function listing(entries: ReadonlyMap<string, MetadataEntry>): string {
  return [...entries].map(([name, { kind }]) => `${name}${kind === "folder" ? "/" : ""}\n`).join(
    "",
  );
}

/** Returns everything below an entry as a value of JSON; `undefined` for a token. */
export function valueOf(entry: MetadataEntry): unknown {
  switch (entry.kind) {
    case "folder": {
      const values = [...entry.entries].map(([name, inner]) =>
        [inJson(name), valueOf(inner)] as const
      );
      return Object.fromEntries(values.filter(([, value]) => value !== undefined));
    }
    case "text":
      return entry.text;
    case "list":
      return entry.lines;
    case "token":
      return undefined;
  }
}

/** Names of paths have hyphens, those of JSON have none. Accounts keep their names. */
function inJson(name: string): string {
  const isWords = /^[a-z]+(?:-[a-z]+)+$/.test(name);
  return isWords ? name.replaceAll(/-([a-z])/g, (_, letter) => letter.toUpperCase()) : name;
}

function folder(entries: Readonly<Record<string, MetadataEntry>>): MetadataEntry {
  return { kind: "folder", entries: new Map(Object.entries(entries)) };
}
