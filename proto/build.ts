/**
 * Generates the messages and services of the wire: `deno task proto`.
 *
 * Reads the `.proto` files below, writes TypeScript to `gen/`, which is not committed.
 *
 * @module
 */

/** The files did not compile. */
class BuildError extends Error {
  override readonly name = "BuildError";
}

const TEMPLATE = {
  version: "v2",
  clean: true,
  plugins: [{
    local: [Deno.execPath(), "run", "-A", "npm:@bufbuild/protoc-gen-es@2.17.0"],
    out: "gen",
    opt: ["target=ts", "import_extension=ts"],
  }],
};

async function build(): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "npm:@bufbuild/buf@1.74.0/buf",
      "generate",
      "--template",
      JSON.stringify(TEMPLATE),
    ],
    cwd: new URL(".", import.meta.url),
    stdin: "null",
  });
  const { success, stdout, stderr } = await command.output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new BuildError(
    `Cannot generate "proto/gen": ${decoder.decode(stdout)}${decoder.decode(stderr)}`,
  );
}

if (import.meta.main) await build();
