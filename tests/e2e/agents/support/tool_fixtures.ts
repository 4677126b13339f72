/**
 * What the servers of `tool_servers.ts` serve: a repository, and one package of npm and of pip.
 *
 * @module
 */

import { mustRun } from "../../support/commands.ts";

export const README = "A site of an organisation.\n";

/** The sentence that both packages say. */
export const HELLO = "Hello from a package.";

const GIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com"];

/** Makes `octo-org/site.git` in a folder, with one commit. */
export async function makeRepository(gitFolder: string): Promise<void> {
  const bare = `${gitFolder}/octo-org/site.git`;
  const work = `${gitFolder}/work`;
  await mustRun(["git", "init", "--quiet", "--bare", "--initial-branch=main", bare]);
  await mustRun(["git", "init", "--quiet", "--initial-branch=main", work]);
  await Deno.writeTextFile(`${work}/README`, README);
  await mustRun([...GIT, "-C", work, "add", "README"]);
  await mustRun([...GIT, "-C", work, "commit", "--quiet", "--message=First"]);
  await mustRun(["git", "-C", work, "push", "--quiet", bare, "main"]);
}

/** Makes `greeter` 1.0.0 for npm and for pip. */
export async function makePackages(packageFolder: string): Promise<void> {
  await write(packageFolder, {
    "package/package.json": '{ "name": "greeter", "version": "1.0.0", "main": "index.js" }\n',
    "package/index.js": `module.exports = ${JSON.stringify(HELLO)};\n`,
    "greeter.py": `HELLO = ${JSON.stringify(HELLO)}\n`,
    "greeter-1.0.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeter\nVersion: 1.0.0\n",
    "greeter-1.0.0.dist-info/WHEEL":
      "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "greeter-1.0.0.dist-info/RECORD": "",
  });
  const here = { cwd: packageFolder };
  await mustRun(["tar", "-czf", "greeter-1.0.0.tgz", "package"], here);
  // A wheel is a zip file; where there is no Python, nobody asks for one.
  const wheel = ["greeter-1.0.0-py3-none-any.whl", "greeter.py", "greeter-1.0.0.dist-info"];
  if (hasPython()) await mustRun([PYTHON, "-m", "zipfile", "-c", ...wheel], here);
}

/** The system's own: what is in a home folder, no sandbox sees. */
export const PYTHON = "/usr/bin/python3";

export function hasPython(): boolean {
  return isThere(PYTHON) && isThere("/usr/bin/pip3");
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, text);
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
