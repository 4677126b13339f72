/**
 * A sandbox for tests of transfers: its programs run on this machine, in a folder.
 *
 * @module
 */

import { fakeGateway } from "../../gateway/client/fake_gateway.ts";
import type { Gateway, ProcessInput, ProcessOutput } from "../../gateway/client/types.ts";

/** What the fake does otherwise than a sandbox would. */
export interface FakeSandboxOptions {
  /** Takes the place of the output of `tar -c`, as a hostile sandbox would have it. */
  readonly archive?: Uint8Array;
}

/** Returns a gateway whose programs see `folder` as their workspace, by its name `/sandbox`. */
export function fakeSandbox(folder: string, { archive }: FakeSandboxOptions = {}): Gateway {
  return fakeGateway({
    async *exec({ command }, { inputs }): AsyncGenerator<ProcessOutput> {
      const [program = "", ...args] = command.map((word) =>
        word.replace(/^\/sandbox(?=\/|$)/, folder)
      );
      const child = new Deno.Command(program, {
        args,
        cwd: folder,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const [output] = await Promise.all([child.output(), feed(child.stdin, inputs)]);
      const isArchive = program === "tar" && archive !== undefined;
      yield { kind: "stdout", bytes: isArchive ? archive : toSandbox(output.stdout, folder) };
      yield { kind: "stderr", bytes: output.stderr };
      yield { kind: "exit", code: output.code };
    },
  });
}

/** Only an answer with a path has to be told as the sandbox would tell it. */
function toSandbox(bytes: Uint8Array, folder: string): Uint8Array {
  if (bytes.length > 4_096) return bytes;
  const text = new TextDecoder().decode(bytes);
  const [, kind, rest] = new RegExp(`^([df])${folder}(.*)$`, "s").exec(text) ?? [];
  return kind === undefined ? bytes : new TextEncoder().encode(`${kind}/sandbox${rest}`);
}

async function feed(
  stdin: WritableStream<Uint8Array>,
  inputs: AsyncIterable<ProcessInput>,
): Promise<void> {
  const writer = stdin.getWriter();
  try {
    for await (const input of inputs) {
      if (input.kind === "end") break;
      if (input.kind === "stdin") await writer.write(input.bytes);
    }
    await writer.close();
  } catch (error) {
    // The program may end before it has read everything.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
