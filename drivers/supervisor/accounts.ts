/**
 * Account and name files of a sandbox, in place of the host's: those would name its people.
 *
 * @module
 */

import { WORKSPACE } from "./process/environment.ts";

/** Text of each file by its path in the sandbox. */
export type AccountFiles = Readonly<Record<string, string>>;

/** Returns the files for a sandbox of this identity. */
export function accountFiles(
  identity: { readonly uid: number; readonly gid: number },
  hostname: string,
): AccountFiles {
  const { uid, gid } = identity;
  return {
    "/etc/passwd": [
      "root:x:0:0:root:/nonexistent:/usr/sbin/nologin",
      `sandbox:x:${uid}:${gid}:sandbox:${WORKSPACE}:/bin/bash`,
      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
      "",
    ].join("\n"),
    "/etc/group": ["root:x:0:", `sandbox:x:${gid}:`, "nogroup:x:65534:", ""].join("\n"),
    "/etc/hosts": `127.0.0.1 localhost ${hostname}\n::1 localhost ${hostname}\n`,
    // Names are resolved by the proxy. With no server named, programs fail at once.
    "/etc/resolv.conf": "# The proxy resolves names: see HTTPS_PROXY.\n",
    "/etc/hostname": `${hostname}\n`,
  };
}

/** Writes the files into `folder`; returns where each is on the host, by its path in the sandbox. */
export async function writeAccountFiles(
  folder: string,
  files: AccountFiles,
): Promise<ReadonlyMap<string, string>> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const sources = new Map<string, string>();
  for (const [target, text] of Object.entries(files)) {
    const source = `${folder}/${target.slice(target.lastIndexOf("/") + 1)}`;
    await Deno.writeTextFile(source, text);
    // Not by the mode of the write, which the umask takes bits from.
    await Deno.chmod(source, 0o644);
    sources.set(target, source);
  }
  return sources;
}
