/**
 * The tutorial of the first network policy, step by step: nothing, then reading, never writing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CURL, policy, rest } from "../support/policies.ts";
import { curl } from "../support/probes.ts";
import { journeySuite } from "./support/journey_suite.ts";

const ZEN = "https://api.github.com/zen";
const ISSUES = "https://api.github.com/repos/octo-org/site/issues";
const READING = policy({
  github: { endpoints: [rest("api.github.com", 443, { access: "read-only" })], binaries: [CURL] },
});

journeySuite("first network policy", { token: "unused" }, async ({ world, step }) => {
  const { machine } = world;
  const ask = async (url: string, ...flags: readonly string[]) => {
    const { stdout, stderr } = await machine.exec("demo", curl(url, ...flags));
    return `${stdout}${stderr}`;
  };
  const create = ["sandbox", "create", "--name", "demo", "--no-auto-providers", "--detach"];
  await machine.must([...create, "--", "sleep", "infinity"]);
  machine.noteSandboxes();

  await step("a new sandbox reaches nothing", async () => {
    assert.match(await ask(ZEN), /connect 403[^]*CONNECT tunnel failed, response 403/);
  });

  await step("logs shows the denial: who asked, for what, and why not", async () => {
    const logs = await machine.must(["logs", "demo", "--since", "5m"]);
    assert.match(
      logs,
      /DENIED \/usr\/bin\/curl\(\d+\) -> api\.github\.com:443 [^\n]*no_network_rules/,
    );
  });

  await step("a policy that allows reading is in force when the command returns", async () => {
    const set = await machine.setPolicy("demo", READING);
    assert.equal(set.code, 0, set.stderr);
    assert.match(await ask(ZEN), /Least privilege[^]*status 200/);
  });

  await step("writing is refused by a body that says so, and nothing has arrived", async () => {
    const answer = await ask(ISSUES, "-X", "POST", "-d", '{"title":"no"}');
    assert.match(answer, /request_not_allowed[^]*status 403 connect 200/);
    assert.ok((await world.requests()).every(({ method }) => method === "GET"));
  });

  await step("the log has its method and its path", async () => {
    const logs = await machine.must(["logs", "demo", "--since", "5m"]);
    assert.match(
      logs,
      /DENIED \/usr\/bin\/curl\(\d+\) -> POST https:\/\/api\.github\.com\/repos\/octo-org\/site\/issues /,
    );
  });

  await step("and it is deleted", async () => {
    await machine.must(["sandbox", "delete", "demo"]);
    assert.deepEqual(JSON.parse(await machine.must(["sandbox", "list", "-o", "json"])), []);
  });
});
