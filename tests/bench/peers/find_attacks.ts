/**
 * Finds the attacks of the attack suite, wherever its parts keep their lists.
 *
 * @module
 */

import type { Attack } from "../../e2e/attacks/support/attack.ts";

const FOLDER = new URL("../../e2e/attacks/", import.meta.url);

/** Some attacks of our own, for a suite that is not there yet and to show that verdicts differ. */
export const SAMPLE_ATTACKS: readonly Attack[] = [
  {
    id: "bench-write-system",
    title: "change a program of the system",
    area: "files",
    attack: {
      script: "echo evil >/usr/bin/evil; echo tried",
      shows: /^(?=[\s\S]*(denied|Read-only))[\s\S]*tried\n$/,
    },
    twin: { script: "echo mine >/sandbox/mine && cat /sandbox/mine", shows: /^mine\n$/ },
  },
  {
    id: "bench-see-processes",
    title: "see processes of the machine",
    area: "process",
    attack: { script: "ls /proc | grep -c '^[0-9]'", shows: /^\d\n$/ },
    twin: { script: "test -e /proc/self/status && echo seen", shows: /^seen\n$/ },
  },
  {
    id: "bench-new-namespace",
    title: "become root of a namespace of its own",
    area: "kernel",
    attack: {
      script: "unshare --user --map-root-user true && echo ROOT; echo tried",
      shows: /^(?![\s\S]*ROOT)[\s\S]*tried\n$/,
    },
    twin: { script: "/usr/bin/true && echo ran", shows: /^ran\n$/ },
  },
  {
    id: "bench-own-feature",
    title: "read a file that only our sandboxes have",
    area: "files",
    attack: { script: "echo x >>/run/openshell/tls/openshell-ca.pem; echo tried", shows: /denied/ },
    twin: { script: "head -c 5 /run/openshell/tls/openshell-ca.pem", shows: /^-----$/ },
  },
];

/** Returns every attack that a module below the suite's folder exports in a list, once. */
export async function findAttacks(): Promise<readonly Attack[]> {
  const found = new Map<string, Attack>();
  for (const file of modulesBelow(FOLDER)) {
    const exported: Readonly<Record<string, unknown>> = await import(file.href);
    for (const value of Object.values(exported)) {
      for (const each of Array.isArray(value) ? value : []) {
        if (isAttack(each)) found.set(each.id, each);
      }
    }
  }
  return found.size === 0 ? SAMPLE_ATTACKS : [...found.values()];
}

function* modulesBelow(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* modulesBelow(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) yield new URL(name, folder);
  }
}

function isAttack(value: unknown): value is Attack {
  return typeof value === "object" && value !== null && "id" in value && "area" in value &&
    "attack" in value && "twin" in value;
}
