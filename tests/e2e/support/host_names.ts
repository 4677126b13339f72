/**
 * What names mean on the machine under test: files of `/etc` of its own, in a mount namespace of its
 * own.
 *
 * The product resolves as it always does. No hook in it, nothing changed on the host.
 *
 * @module
 */

/** Addresses by name. */
export type HostNames = Readonly<Record<string, string | readonly string[]>>;

/**
 * Writes the files into `folder`, and returns a function that runs a command with them in place.
 * `more` holds the texts of further files, by path. `binds` are paths that show another.
 */
export async function writeHostNames(
  folder: string,
  names: HostNames,
  { more = {}, binds = {} }: {
    readonly more?: Readonly<Record<string, string>>;
    readonly binds?: Readonly<Record<string, string>>;
  } = {},
): Promise<(command: readonly string[]) => readonly string[]> {
  const lines = Object.entries(names).flatMap(([name, addresses]) =>
    [addresses].flat().map((address) => `${address} ${name}`)
  );
  const files: Readonly<Record<string, string>> = {
    "/etc/hosts": ["127.0.0.1 localhost", ...lines, ""].join("\n"),
    // Nobody listens there, so a name that is not in the file fails at once.
    "/etc/resolv.conf": "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n",
    ...more,
  };
  const pairs = Object.entries(binds).map(([target, source]) => [source, target]);
  for (const [target, text] of Object.entries(files)) {
    const source = folder + target.slice(target.lastIndexOf("/"));
    await Deno.writeTextFile(source, text);
    pairs.push([source, target]);
  }
  const script = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 125; shift 2; done; ' +
    'shift; exec "$@"';
  const prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"];
  return (command) => [...prefix, ...pairs.flat(), "--", ...command];
}
