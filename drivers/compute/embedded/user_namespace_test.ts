import assert from "node:assert/strict";
import { inUserNamespace, mapIds, runInUserNamespace, runTool } from "./user_namespace.ts";

const IDS = {
  uid: Deno.uid() ?? 0,
  gid: Deno.gid() ?? 0,
  // Nobody has put these aside for anybody.
  uids: { first: 3_000_000_000, count: 1_000 },
  gids: { first: 3_000_000_000, count: 1_000 },
};

const MISSING = findMissing();

function findMissing(): string | null {
  if (Deno.build.os !== "linux") return "needs Linux";
  for (const path of ["/usr/bin/unshare", "/usr/bin/newuidmap", "/usr/bin/newgidmap"]) {
    try {
      Deno.statSync(path);
    } catch {
      return `needs ${path}`;
    }
  }
  return null;
}

function namespaceTest(name: string, body: () => Promise<void>): void {
  const reason = MISSING === null ? "" : ` (ignored: ${MISSING})`;
  Deno.test({ name: name + reason, ignore: MISSING !== null, fn: body });
}

namespaceTest("runInUserNamespace() runs nothing where the ids are not the user's", async () => {
  const folder = await Deno.makeTempDir({ prefix: "openshell-namespace-" });
  try {
    await assert.rejects(runInUserNamespace(["rm", "-rf", "--", folder], IDS), {
      name: "UserNamespaceError",
      code: "failed_precondition",
      message: /newuidmap|uid range/,
    });
    assert.ok((await Deno.stat(folder)).isDirectory);
  } finally {
    await Deno.remove(folder);
  }
});

namespaceTest("inUserNamespace() becomes nothing without its line", async () => {
  const [program = "", ...args] = inUserNamespace(["/bin/echo", "it began"]);
  const { stdout, success } = await new Deno.Command(program, { args, stdin: "null" }).output();
  assert.equal(new TextDecoder().decode(stdout), "");
  assert.equal(success, false);
});

Deno.test("mapIds() says that the process has ended", async () => {
  await assert.rejects(mapIds(2 ** 30, IDS), {
    name: "UserNamespaceError",
    message: /unshare has ended/,
  });
});

Deno.test.each([
  { name: "does not end", tool: "sleep", args: ["60"], message: /sleep does not get on$/ },
  { name: "refuses", tool: "cat", args: ["/none"], message: /cat.*none/ },
  { name: "is missing", tool: "none-such", args: [], message: /none-such is not installed$/ },
])("runTool() of a program that $name fails", async ({ tool, args, message }) => {
  const msMax = tool === "sleep" ? 50 : 30_000;
  await assert.rejects(runTool(tool, args, msMax), { name: "UserNamespaceError", message });
});
