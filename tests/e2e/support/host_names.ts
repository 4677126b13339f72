/**
 * What names mean on the machine under test: an `/etc/hosts` of its own, in a mount namespace of
 * its own.
 *
 * The product resolves as it always does. No hook in it, nothing changed on the host.
 *
 * @module
 */

/** Addresses by name. */
export type HostNames = Readonly<Record<string, string | readonly string[]>>;

/** Writes the files into `folder`, and returns a function that runs a command with them in place. */
export async function writeHostNames(
  folder: string,
  names: HostNames,
): Promise<(command: readonly string[]) => readonly string[]> {
  const hosts = `${folder}/hosts`;
  const resolver = `${folder}/resolv.conf`;
  const lines = Object.entries(names).flatMap(([name, addresses]) =>
    [addresses].flat().map((address) => `${address} ${name}`)
  );
  await Deno.writeTextFile(hosts, ["127.0.0.1 localhost", ...lines, ""].join("\n"));
  // Nobody listens there, so a name that is not in the file fails at once.
  await Deno.writeTextFile(resolver, "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n");
  const script =
    'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf || exit 125; ' +
    'shift 2; exec "$@"';
  const prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"];
  return (command) => [...prefix, hosts, resolver, ...command];
}
