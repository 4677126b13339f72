/**
 * Servers to measure against and beside: nginx as the origin and as a TLS relay, squid as a proxy.
 *
 * Both come from the distribution and run with files of ours alone, as ordinary processes.
 *
 * @module
 */

import { waitFor } from "../../e2e/support/commands.ts";
import type { Certificate } from "../../e2e/support/test_authority.ts";
import { ADDRESSES } from "../../e2e/support/world.ts";

export const HOST = "bench.example.com";
export const SQUID_PORT = 3129;
export const RELAY_PORT = 8443;
export const SMALL_PATH = "/small";
export const BULK_PATH = "/bulk";
const SMALL_BYTES = 1024;
const BULK_BYTES = 256 * 1024 * 1024;

/** How to get a peer that is not there. */
export const INSTALL_HINT = "apt-get install --no-install-recommends bubblewrap squid nginx";

/** A command moved to where it should run. */
type Enter = (command: readonly string[]) => readonly string[];

/** A server that ends when disposed of. */
export class Peer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  static async start(command: readonly string[], isReady: () => Promise<boolean>): Promise<Peer> {
    const [program = "", ...args] = command;
    const options = { args, stdin: "null", stdout: "null", stderr: "inherit" } as const;
    const peer = new Peer(new Deno.Command(program, options).spawn());
    try {
      await waitFor(`${command.join(" ")} to listen`, isReady);
      return peer;
    } catch (error) {
      await peer.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Starts the origin: a small and a large file, plain and by TLS. */
export async function startOrigin(
  folder: string,
  certificate: Certificate,
  enter: Enter,
): Promise<Peer> {
  await Deno.mkdir(`${folder}/files`, { recursive: true });
  await Deno.writeFile(`${folder}/files${SMALL_PATH}`, new Uint8Array(SMALL_BYTES).fill(0x6f));
  const bulk = await Deno.open(`${folder}/files${BULK_PATH}`, { create: true, write: true });
  await bulk.truncate(BULK_BYTES);
  bulk.close();
  const { bench } = ADDRESSES;
  return await startNginx(`${folder}/origin`, enter, {
    probe: `${bench}/80`,
    server: `
      listen ${bench}:80; listen ${bench}:443 ssl; root ${folder}/files; sendfile on;
      ${certificateLines(certificate)}`,
  });
}

/** Starts the relay: TLS in, TLS out, with connections to the origin that are kept. */
export async function startRelay(
  folder: string,
  options: { readonly certificate: Certificate; readonly caFile: string; readonly enter: Enter },
): Promise<Peer> {
  return await startNginx(`${folder}/relay`, options.enter, {
    probe: `127.0.0.1/${RELAY_PORT}`,
    before: `upstream origin { server ${ADDRESSES.bench}:443; keepalive 64; }`,
    server: `
      listen 127.0.0.1:${RELAY_PORT} ssl; ${certificateLines(options.certificate)}
      location / {
        proxy_pass https://origin; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_set_header Host ${HOST}; proxy_ssl_server_name on; proxy_ssl_name ${HOST};
        proxy_ssl_verify on; proxy_ssl_trusted_certificate ${options.caFile};
        proxy_buffering on; proxy_max_temp_file_size 0;
      }`,
  });
}

export async function startSquid(folder: string, enter: Enter): Promise<Peer> {
  await Deno.mkdir(folder, { recursive: true });
  // It gives up root for a user of its own, who is to find its files.
  await Deno.chmod(folder, 0o777);
  const file = `${folder}/squid.conf`;
  await Deno.writeTextFile(
    file,
    `http_port 127.0.0.1:${SQUID_PORT}
http_access allow all
access_log none
cache_log ${folder}/squid.log
cache_store_log none
cache deny all
pid_filename none
coredump_dir ${folder}
shutdown_lifetime 0 seconds
visible_hostname bench
hosts_file /etc/hosts
dns_nameservers 127.0.0.1
`,
  );
  return await Peer.start(
    enter(["squid", "-N", "-f", file]),
    () => isListening(`127.0.0.1/${SQUID_PORT}`, enter),
  );
}

async function startNginx(
  folder: string,
  enter: Enter,
  { probe, before = "", server }: {
    readonly probe: string;
    readonly before?: string;
    readonly server: string;
  },
): Promise<Peer> {
  await Deno.mkdir(folder, { recursive: true });
  const file = `${folder}/nginx.conf`;
  await Deno.writeTextFile(
    file,
    `daemon off; worker_processes 1; user root; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 10000000; tcp_nodelay on; ssl_session_cache off;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  ${before}
  server { ${server} }
}
`,
  );
  return await Peer.start(
    enter(["nginx", "-p", folder, "-e", `${folder}/error.log`, "-c", file]),
    () => isListening(probe, enter),
  );
}

function certificateLines({ certificateFile, keyFile }: Certificate): string {
  return `ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile};`;
}

async function isListening(address: string, enter: Enter): Promise<boolean> {
  const [program = "", ...args] = enter(["bash", "-c", `exec 3<>/dev/tcp/${address}`]);
  const options = { args, stdout: "null", stderr: "null" } as const;
  return (await new Deno.Command(program, options).output()).success;
}
