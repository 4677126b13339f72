/**
 * What the work is done on: a large tree, a C program, packages to install. Made once, then copied.
 *
 * @module
 */

import { createTar } from "../../../cli/packaging/create_tar.ts";
import { mustRun } from "../../e2e/support/commands.ts";
import { HOST } from "../sandbox/peers.ts";

const FILES_IN_A_FOLDER = 100;
const PACKAGE_FILES = 20;
const VERSION = "1.0.0";

/** How large everything is. */
export interface Sizes {
  readonly treeFiles: number;
  readonly functions: number;
  readonly packages: number;
}

/** Makes `tree`, a git repository; `many.c`; and `app`, which depends on every package. */
export async function makeFixtures(folder: string, sizes: Sizes): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await makeTree(`${folder}/tree`, sizes.treeFiles);
  await Deno.writeTextFile(`${folder}/many.c`, programOf(sizes.functions));
  await Deno.mkdir(`${folder}/app`);
  const dependencies = Object.fromEntries(
    Array.from({ length: sizes.packages }, (_, index) => [packageName(index), VERSION]),
  );
  const app = { name: "app", version: VERSION, private: true, dependencies };
  await Deno.writeTextFile(`${folder}/app/package.json`, JSON.stringify(app));
}

/** Makes the files of a registry, for a server of files: a document and an archive for each package. */
export async function makeRegistry(folder: string, packages: number): Promise<void> {
  await Deno.mkdir(`${folder}/archives`, { recursive: true });
  for (let index = 0; index < packages; index++) {
    const name = packageName(index);
    const archive = await archiveOf(name);
    await Deno.writeFile(`${folder}/archives/${name}.tgz`, archive);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", archive));
    const dist = {
      tarball: `https://${HOST}/archives/${name}.tgz`,
      integrity: `sha512-${digest.toBase64()}`,
    };
    const document = {
      name,
      "dist-tags": { latest: VERSION },
      versions: { [VERSION]: { name, version: VERSION, dist } },
    };
    await Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(document));
  }
}

function packageName(index: number): string {
  return `bench-package-${index}`;
}

async function makeTree(folder: string, files: number): Promise<void> {
  for (let index = 0; index < files; index++) {
    const place = `${folder}/part-${Math.floor(index / FILES_IN_A_FOLDER)}`;
    if (index % FILES_IN_A_FOLDER === 0) await Deno.mkdir(place, { recursive: true });
    Deno.writeTextFileSync(`${place}/file-${index}.txt`, `This is file ${index}.\n`);
  }
  const git = (args: readonly string[]) => mustRun(["git", "-C", folder, ...args]);
  await git(["init", "--quiet"]);
  await git(["add", "--all"]);
  const author = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"];
  await git([...author, "commit", "--quiet", "--message", "all files"]);
}

function programOf(functions: number): string {
  const bodies = Array.from(
    { length: functions },
    (_, index) =>
      `static int f${index}(int x) { char b[64]; for (int i = 0; i < ${index % 7 + 2}; i++) ` +
      `x = snprintf(b, sizeof b, "%d-%d", x, i) * ${index + 3} + (x >> 3); return x; }`,
  );
  const calls = Array.from({ length: functions }, (_, index) => `s += f${index}(s);`).join(" ");
  return `#include <stdio.h>\n#include <stdlib.h>\n${bodies.join("\n")}\n` +
    `int main(void) { int s = 1; ${calls} return s == 42; }\n`;
}

async function archiveOf(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const manifest = JSON.stringify({ name, version: VERSION, main: "file-0.js" });
  const tar = createTar([
    { name: "package/package.json", mode: 0o644, bytes: encoder.encode(manifest) },
    ...Array.from({ length: PACKAGE_FILES }, (_, index) => ({
      name: `package/file-${index}.js`,
      mode: 0o644,
      bytes: encoder.encode(`exports.name = "${name}-${index}";\n`.repeat(50)),
    })),
  ]);
  const stream = new Blob([tar]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}
