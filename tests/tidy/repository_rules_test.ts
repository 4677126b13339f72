import assert from "node:assert/strict";
import { formatFindings } from "./finding.ts";
import { checkEntries, checkPins } from "./repository_rules.ts";

Deno.test("checkEntries() reports what has no place in the root", () => {
  assert.equal(formatFindings(checkEntries(["cli", "deno.json", "dist", ".git"])), "");
  assert.equal(
    formatFindings(checkEntries(["cli", "scripts", "notes.md"])),
    "notes.md:1 root-entry: Move it into the folder that owns it\n" +
      "scripts:1 root-entry: Move it into the folder that owns it",
  );
});

Deno.test("checkPins() wants one version of Deno everywhere", () => {
  const readme = { path: "README.md", text: "npx -y deno@1.2.3 task ok\n" };
  const same = { path: "a", text: "x deno@1.2.3 y" };
  const other = { path: "b", text: "\ndeno@1.2.4" };
  assert.equal(formatFindings(checkPins(readme, [same, { path: "c", text: "" }])), "");
  assert.match(formatFindings(checkPins(readme, [same, other])), /^b:2 deno-version: .* 1\.2\.3$/);
  assert.match(
    formatFindings(checkPins({ ...readme, text: `${readme.text}deno@9.9.9` }, [])),
    /^README\.md:2 deno-version: /,
  );
  assert.match(
    formatFindings(checkPins({ ...readme, text: "" }, [])),
    /^README\.md:1 deno-version/,
  );
});
