/**
 * Where the command line keeps what it remembers.
 *
 * @module
 */

import type { Context } from "./context.ts";

/** Returns the folder of a person's settings, `null` without a home. */
export function configFolderOf(context: Pick<Context, "env">): string | null {
  const set = context.env("XDG_CONFIG_HOME");
  if (set?.startsWith("/") === true) return `${set}/openshell`;
  const home = context.env("HOME");
  return home?.startsWith("/") === true ? `${home}/.config/openshell` : null;
}

/** Returns the name of a gateway's folder. It may be a URL: then it is reduced. */
export function gatewayFolderName(gateway: string): string {
  const reduced = gateway.replaceAll(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, "_");
  return reduced.slice(0, 128) || "_";
}
