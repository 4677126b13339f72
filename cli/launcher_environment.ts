/**
 * Puts the environment back to what the caller of a self-extracting file had set.
 *
 * The header of that file (`packaging/launcher.sh`) sets variables for the runtime inside. Programs
 * that OpenShell starts are to get the caller's values, not those.
 *
 * @module
 */

/** Set by the header, and by nothing else. */
const LAUNCHER_MARK = "OPENSHELL_LAUNCHER";

/** Variables that the header sets for the runtime. */
const RUNTIME_VARIABLES = ["DENO_DIR", "DENO_NO_UPDATE_CHECK"] as const;

/** The header keeps the value of a caller under the name with this prefix. */
const CALLER_PREFIX = "OPENSHELL_CALLER_";

/** An environment that can be changed, such as `Deno.env`. */
export type Environment = Pick<Deno.Env, "get" | "set" | "delete">;

/** Undoes what the header did. Without a header, does nothing. */
export function restoreEnvironment(env: Environment): void {
  if (env.get(LAUNCHER_MARK) === undefined) return;
  env.delete(LAUNCHER_MARK);
  for (const name of RUNTIME_VARIABLES) {
    const value = env.get(CALLER_PREFIX + name);
    env.delete(CALLER_PREFIX + name);
    if (value === undefined) env.delete(name);
    else env.set(name, value);
  }
}
