import assert from "node:assert/strict";
import { finishBundle, staticClosure } from "./finish_bundle.ts";

const BUNDLE = new Map([
  [
    "main.js",
    'import {\n  a\n} from "./a.js";\nimport "./b.js";\nconst later = () => import("./late.js");\n',
  ],
  ["a.js", 'export {\n  c\n} from "./c.js";\n'],
  ["b.js", ""],
  ["c.js", "export const c = 1;\n"],
  ["late.js", 'import { x } from "node:fs";\n'],
]);

Deno.test("finishBundle() hides the dynamic imports of the bundle, and no others", () => {
  const finished = finishBundle(BUNDLE, "main.js");
  assert.match(finished.get("main.js")!, /\(\) => import\(\["\.\/late\.js"\]\[0\]\);/);
  assert.equal(finished.get("a.js"), BUNDLE.get("a.js"));
  const other = new Map([["main.js", 'import("./elsewhere.js"); import("node:fs");']]);
  assert.deepEqual(finishBundle(other, "main.js"), other);
});

Deno.test("finishBundle() hides imports so that they still work", async () => {
  const folder = await Deno.makeTempDir();
  const bundle = new Map([
    ["main.js", 'export const late = (await import("./late.js")).late;'],
    ["late.js", "export const late = 42;"],
  ]);
  for (const [name, text] of finishBundle(bundle, "main.js")) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  assert.equal((await import(`file://${folder}/main.js`)).late, 42);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("finishBundle() refuses a start that loads a node: module", () => {
  for (
    const slow of [
      'import { x } from "node:fs";',
      'import "node:fs";',
      'import * as x\nfrom "node:fs";',
    ]
  ) {
    const bundle = new Map([...BUNDLE, ["c.js", `${slow}\nexport const c = 1;\n`]]);
    assert.throws(() => finishBundle(bundle, "main.js"), { name: "SlowStartError" });
  }
});

Deno.test("staticClosure() follows imports and re-exports", () => {
  assert.deepEqual([...staticClosure(BUNDLE, "main.js")].sort(), [
    "a.js",
    "b.js",
    "c.js",
    "main.js",
  ]);
});

Deno.test("finishBundle() gives a module with packages in CommonJS their require", async () => {
  const folder = await Deno.makeTempDir();
  const text = 'const r = typeof require !== "undefined" ? require : null;\n' +
    'export const join = r("node:path").join("a", "b");\n';
  const bundle = finishBundle(new Map([["main.js", ""], ["late.js", text]]), "main.js");
  await Deno.writeTextFile(`${folder}/late.js`, bundle.get("late.js")!);
  assert.equal((await import(`file://${folder}/late.js`)).join, "a/b");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("finishBundle() names workers as the bundle does", () => {
  const text = 'new Worker(new URL("./jail_worker.ts", import.meta.url));';
  const finished = finishBundle(new Map([["main.js", text]]), "main.js");
  assert.equal(
    finished.get("main.js"),
    'new Worker(new URL("./jail_worker.js", import.meta.url));',
  );
});

Deno.test("finishBundle() names the script of z3 that lies beside the bundle", () => {
  const text = 'await import("z3-solver/build/z3-built.js");';
  const finished = finishBundle(new Map([["z3_worker.js", text]]), "z3_worker.js");
  assert.equal(finished.get("z3_worker.js"), 'await import(["./z3-built.cjs"][0]);');
});
