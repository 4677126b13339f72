import assert from "node:assert/strict";
import { PROGRAM } from "./commands.ts";
import { fakeGateway, sampleSandbox } from "../gateway/client/fake_gateway.ts";
import { GatewayError } from "../gateway/client/gateway_error.ts";
import { fakeContext, type FakeOptions } from "./fake_context.ts";
import { runProgram } from "./run_program.ts";

interface Answer {
  readonly shell: string;
  /** The command line, with the cursor at its end. */
  readonly line: string;
  readonly want: readonly string[];
}

/** Asks bash as it would ask itself: with the line cut into words at blanks, "=" and ":". */
function bashQuestion(line: string): string {
  const words = line.split(/(?=[=:])|(?<=[=:])| /).map((word) => `'${word}'`);
  return `
    COMP_WORDS=(${words.join(" ")}) COMP_CWORD=${words.length - 1}
    _openshell
    printf '%s\\n' "\${COMPREPLY[@]}"`;
}

/** Zsh shows its candidates only to a person, so the function that shows them is replaced. */
function zshQuestion(line: string): string {
  const words = line.split(" ").map((word) => `'${word}'`);
  return `
    _describe() { print -rl -- "\${(@P)4}"; }; _files() { print -r -- "files $*"; }; compset() { :; }
    words=(${words.join(" ")}) CURRENT=${words.length} PREFIX=${words.at(-1)}
    _openshell`;
}

const SHELLS: Record<string, { args: string[]; source: string; question(line: string): string }> = {
  bash: {
    args: ["--norc", "--noprofile", "-c"],
    source: "source <(openshell completions bash)",
    question: bashQuestion,
  },
  zsh: {
    args: ["-f", "-c"],
    source: "compdef() { :; }; source <(openshell completions zsh)",
    question: zshQuestion,
  },
  fish: {
    args: ["--no-config", "-c"],
    source: "openshell completions fish | source",
    question: (line) => `complete --do-complete '${line}'`,
  },
};

function isInstalled(shell: string): boolean {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${shell}`).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

async function ask(shell: string, line: string, folder: string): Promise<readonly string[]> {
  const { args, source, question } = SHELLS[shell]!;
  const output = await new Deno.Command(shell, {
    args: [...args, `${source}\n${question(line)}`],
    cwd: folder,
    env: { PATH: `${folder}:${Deno.env.get("PATH")}`, HOME: folder },
    stdin: "null",
  }).output();
  assert.equal(new TextDecoder().decode(output.stderr), "");
  return new TextDecoder().decode(output.stdout).split("\n").filter((text) => text !== "");
}

/** A folder with an `openshell` that runs from source, and a file to complete. */
async function makeFolder(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const main = new URL("main.ts", import.meta.url).pathname;
  await Deno.writeTextFile(
    `${folder}/openshell`,
    `#!/bin/sh\nexec "${Deno.execPath()}" run -A --no-config --no-lock "${main}" "$@"\n`,
    { mode: 0o755 },
  );
  await Deno.writeTextFile(`${folder}/my policy.yaml`, "");
  return folder;
}

const ANSWERS: readonly Answer[] = [
  { shell: "bash", line: "openshell po", want: ["policy"] },
  { shell: "bash", line: "openshell policy c", want: ["check", "compile"] },
  { shell: "bash", line: "openshell policy check -o ", want: ["table", "json", "yaml"] },
  { shell: "bash", line: "openshell policy check --output=", want: ["table", "json", "yaml"] },
  { shell: "bash", line: "openshell policy check --output=js", want: ["json"] },
  { shell: "bash", line: "openshell policy check my", want: ["my policy.yaml"] },
  { shell: "bash", line: "openshell policy compile --output=my", want: ["my policy.yaml"] },
  { shell: "zsh", line: "openshell completions z", want: ["zsh"] },
  {
    shell: "zsh",
    line: "openshell policy di",
    want: ["diff:Compare what two policies mean"],
  },
  { shell: "zsh", line: "openshell policy check --output=js", want: ["--output=json"] },
  { shell: "zsh", line: "openshell policy check ", want: ["files "] },
  { shell: "fish", line: "openshell completions z", want: ["zsh"] },
  { shell: "fish", line: "openshell policy di", want: ["diff\tCompare what two policies mean"] },
  { shell: "fish", line: "openshell policy check --output=js", want: ["--output=json"] },
  { shell: "fish", line: "openshell policy check my", want: ["my policy.yaml"] },
];

for (const shell of Object.keys(SHELLS)) {
  const ignore = !isInstalled(shell);
  const name = `completions ${shell} ${ignore ? "(not installed here)" : "completes"}`;
  Deno.test({ name, ignore }, async () => {
    const folder = await makeFolder();
    for (const { line, want } of ANSWERS.filter((answer) => answer.shell === shell)) {
      assert.deepEqual(await ask(shell, line, folder), want, `${shell}: ${line}`);
    }
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("completions prints a script for each shell", async () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const context = fakeContext();
    assert.equal(await runProgram(PROGRAM, ["completions", shell], context), 0);
    assert.match(context.out(), /openshell complete|\$program complete/);
  }
});

async function candidates(line: string, options: FakeOptions): Promise<string> {
  const words = line.split(" ");
  const before = words.slice(0, -1);
  const context = fakeContext(options);
  const args = ["complete", `--current=${words.at(-1)}`, "--", ...before];
  assert.equal(await runProgram(PROGRAM, args, context), 0);
  return context.out();
}

Deno.test("complete offers the names of sandboxes, from a gateway that runs", async () => {
  const sandboxes = [sampleSandbox({ name: "docs" }), sampleSandbox({ name: "web" })];
  const gateway = fakeGateway({ sandboxes });
  assert.equal(await candidates("sandbox get ", { gateway }), "words\ndocs\t\nweb\t\n");
  assert.equal(await candidates("sandbox exec -n w", { gateway }), "words\nweb\t\n");
  assert.equal(await candidates("sandbox exec --name=w", { gateway }), "words\n--name=web\t\n");
  const listSandboxes = () => Promise.reject(new GatewayError("unavailable", "Cannot: gone"));
  const gone = fakeGateway({ listSandboxes });
  assert.equal(await candidates("sandbox get ", { gateway: gone }), "words\n");
});

Deno.test("complete offers the names of gateways, from the files of this machine", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/gateways/work`, { recursive: true });
    const metadata = JSON.stringify({ gateway_endpoint: "https://work.example.com" });
    await Deno.writeTextFile(`${folder}/gateways/work/metadata.json`, metadata);
    const env = { HOME: folder, OPENSHELL_SYSTEM_GATEWAY_DIR: folder };
    assert.equal(await candidates("sandbox list -g ", { env }), "words\nwork\t\n");
    assert.equal(await candidates("gateway select n", { env }), "words\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
