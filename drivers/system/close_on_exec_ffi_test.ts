import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { closeOnExec } from "./close_on_exec_ffi.ts";

const MISSING = Deno.build.os === "linux" ? null : "needs Linux";

/** Sockets that a program has which this process starts. */
async function inherited(): Promise<readonly string[]> {
  const script = "for file in /proc/self/fd/*; do readlink $file; done";
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script], stdin: "null" })
    .output();
  const links = new TextDecoder().decode(stdout).split("\n");
  return links.filter((link) => link.startsWith("socket:"));
}

Deno.test({
  name: `closeOnExec() keeps a socket that listens from other programs${
    MISSING === null ? "" : ` (ignored: ${MISSING})`
  }`,
  ignore: MISSING !== null,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "openshell-exec-" });
    const server = createServer();
    try {
      server.listen(`${folder}/socket`);
      await once(server, "listening");
      closeOnExec();
      assert.deepEqual(await inherited(), []);
      const client = await Deno.connect({ transport: "unix", path: `${folder}/socket` });
      client.close();
    } finally {
      const closed = once(server, "close");
      server.close();
      await closed;
      await Deno.remove(folder, { recursive: true });
    }
  },
});
