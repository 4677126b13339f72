import assert from "node:assert/strict";
import { TestServer } from "../gateway/client/test_server.ts";
import { SandboxPhase } from "../proto/gen/openshell/v1/openshell_pb.ts";

const SANDBOX = {
  metadata: { id: "id-1", name: "demo", workspace: "default" },
  status: { phase: SandboxPhase.READY },
};

const BYTES = (text: string) => new TextEncoder().encode(text);

/** A program that says its size, repeats what it is sent, and ends at "q". */
function startServer(): Promise<TestServer> {
  return TestServer.start({
    openshell: {
      getSandbox: () => ({ sandbox: SANDBOX }),
      async *execSandboxInteractive(inputs) {
        for await (const { payload } of inputs) {
          if (payload.case === "start") {
            const size = `${payload.value.cols}x${payload.value.rows}`;
            yield { payload: { case: "stdout", value: { data: BYTES(`ready ${size}\r\n`) } } };
          }
          if (payload.case !== "stdin") continue;
          yield { payload: { case: "stdout", value: { data: payload.value } } };
          if (payload.value.includes("q".charCodeAt(0))) break;
        }
        yield { payload: { case: "exit", value: { exitCode: 7 } } };
      },
    },
  });
}

function command(endpoint: string): string {
  const main = new URL("./main.ts", import.meta.url).pathname;
  const deno = `${Deno.execPath()} run --quiet --no-check --allow-all ${main}`;
  return `${deno} sandbox exec -n demo --gateway-endpoint ${endpoint} -- cat`;
}

const HAS_SCRIPT = await isThere("/usr/bin/script");

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

Deno.test({
  name: "processContext() joins a real terminal, and puts it back (needs script)",
  ignore: !HAS_SCRIPT,
  async fn() {
    const home = await Deno.makeTempDir();
    await using server = await startServer();
    const line = `stty rows 33 cols 99; ${command(server.endpoint)}; ` +
      "echo code $?; stty -a | grep -o '.icanon'";
    await using child = new Deno.Command("/usr/bin/script", {
      args: ["-qec", line, "/dev/null"],
      env: { XDG_CONFIG_HOME: home, TERM: "xterm" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const keys = child.stdin.getWriter();
    let shown = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const before = shown;
      shown += chunk;
      // Ctrl-C is a key like any other for a program with a terminal.
      if (!before.includes("ready") && shown.includes("ready")) await keys.write(BYTES("a\x03q"));
    }
    await keys.close().catch(() => {});
    assert.equal(shown.replaceAll(/\r+/g, ""), "ready 99x33\na\x03qcode 7\n icanon\n");
    await Deno.remove(home, { recursive: true });
  },
});

Deno.test("processContext() ends quietly when nobody reads its output", async () => {
  const home = await Deno.makeTempDir();
  await using server = await startServer();
  const { stdout } = await new Deno.Command("/bin/bash", {
    args: ["-c", `${command(server.endpoint)} </dev/null | true; echo "\${PIPESTATUS[0]}"`],
    env: { XDG_CONFIG_HOME: home },
    stderr: "inherit",
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "141\n");
  await Deno.remove(home, { recursive: true });
});
