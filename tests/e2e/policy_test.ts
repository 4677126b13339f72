/**
 * A newcomer's way with the built program: a policy with three mistakes is led to a right one by
 * what `policy check` says, then asked, formatted, compared and compiled.
 *
 * @module
 */

import assert from "node:assert/strict";

const PROGRAM = new URL("../../dist/openshell", import.meta.url).pathname;

const WRONG = `version: 1
network_policies:
  github:
    endpoints:
      - host: api.github.com
        port: "443"
        protocol: rest
        rule:
          - allow: { method: GTE, path: "/repos/**" }
    binaries:
      - path: /usr/bin/curl
`;

interface Found {
  readonly code: string;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  readonly fix: string | null;
}

function isBuilt(): boolean {
  try {
    return Deno.statSync(PROGRAM).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function inFolder(test: (run: Run, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const run: Run = async (...args) => {
    const { code, stdout, stderr } = await new Deno.Command(PROGRAM, {
      args,
      cwd: folder,
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin", HOME: folder },
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  };
  try {
    await test(run, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

type Run = (...args: string[]) => Promise<{ code: number; out: string; err: string }>;

/** Does what the first diagnostic says: writes the fix where it points. */
function mend(text: string, { line, column, endColumn, fix }: Found): string {
  assert.ok(fix !== null, "a diagnostic without a fix leads nobody");
  const lines = text.split("\n");
  const old = lines[line - 1]!;
  lines[line - 1] = old.slice(0, column - 1) + fix + old.slice(endColumn - 1);
  return lines.join("\n");
}

const name = "openshell policy: three mistakes are mended by what check says";
Deno.test({
  name: isBuilt() ? name : `${name} (dist/openshell is not built)`,
  ignore: !isBuilt(),
  fn: () =>
    inFolder(async (run, folder) => {
      const file = `${folder}/policy.yaml`;
      const codes: string[] = [];
      let text = WRONG;
      for (;;) {
        await Deno.writeTextFile(file, text);
        const { code, out } = await run("policy", "check", "policy.yaml", "-o", "json");
        const [report] = JSON.parse(out).files;
        assert.equal(code, report.ok ? 0 : 2);
        if (report.ok) break;
        codes.push(report.diagnostics[0].code);
        assert.ok(codes.length <= 3, codes.join());
        text = mend(text, report.diagnostics[0]);
      }
      assert.deepEqual(codes.toSorted(), ["unknown_key", "unknown_method", "wrong_type"]);

      const asked = ["--binary", "/usr/bin/curl", "--host", "API.GitHub.com", "--port", "443"];
      const question = ["policy", "explain", "policy.yaml", ...asked, "-o", "json"];
      const get = await run(...question, "--method", "GET", "--path", "/repos/a/b");
      assert.deepEqual(
        [get.code, JSON.parse(get.out).verdict, JSON.parse(get.out).rule],
        [0, "allow", "github"],
      );
      const post = await run(...question, "--method", "POST", "--path", "/repos/a/b");
      assert.deepEqual(
        [post.code, JSON.parse(post.out).verdict, JSON.parse(post.out).reason],
        [0, "deny", "request_not_allowed"],
      );
      const { generation } = JSON.parse(get.out);
      const compiled = await run("policy", "compile", "policy.yaml", "-o", "policy.img");
      assert.deepEqual([compiled.code, compiled.out], [0, `${generation}\n`]);
      assert.equal((await run("policy", "fmt", "policy.yaml")).code, 0);
      const diff = await run("policy", "diff", "policy.yaml", "policy.yaml");
      assert.deepEqual([diff.code, diff.out], [0, "The policies mean the same\n"]);
    }),
});
