/**
 * The environment of every program in a sandbox. Nothing is inherited from OpenShell.
 *
 * @module
 */

/** Where the agent works, and its home. */
export const WORKSPACE = "/sandbox";

/** Where programs start: in the folder that was given in place, if there is one and no other. */
export function startFolder(binds: readonly { readonly target: string }[]): string {
  const [first, ...others] = binds;
  return first === undefined || others.length > 0 ? WORKSPACE : first.target;
}

/** TCP port of the proxy on 127.0.0.1 inside a sandbox. */
export const PROXY_PORT = 3128;

const PATH = "/sandbox/.venv/bin:/sandbox/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

export interface EnvironmentOptions {
  /** What the person gave with the sandbox, and for this program: never `OPENSHELL_…`. */
  readonly given: Readonly<Record<string, string>>;
  /** Variables that lead programs to the certificates (`trustEnvironment`). */
  readonly trust: Readonly<Record<string, string>>;
  readonly hasTerminal: boolean;
}

/**
 * Returns the whole environment.
 *
 * The proxy's and the certificates' variables come last: with others a program could reach
 * nothing, so a given one can only be a mistake.
 */
export function makeEnvironment(
  { given, trust, hasTerminal }: EnvironmentOptions,
): Readonly<Record<string, string>> {
  const allowed = Object.entries(given).filter(([name]) => !name.startsWith("OPENSHELL_"));
  return {
    HOME: WORKSPACE,
    LANG: "C.UTF-8",
    LOGNAME: "sandbox",
    PATH,
    SHELL: "/bin/bash",
    TERM: hasTerminal ? "xterm-256color" : "dumb",
    USER: "sandbox",
    ...Object.fromEntries(allowed),
    OPENSHELL_SANDBOX: "1",
    ...proxyVariables(),
    ...trust,
  };
}

function proxyVariables(): Readonly<Record<string, string>> {
  const proxy = `http://127.0.0.1:${PROXY_PORT}`;
  const local = "127.0.0.1,localhost,::1";
  const names = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
  ];
  return {
    ...Object.fromEntries([...names, "grpc_proxy"].map((name) => [name, proxy])),
    NO_PROXY: local,
    no_proxy: local,
    NODE_USE_ENV_PROXY: "1",
  };
}
