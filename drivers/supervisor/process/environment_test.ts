import assert from "node:assert/strict";
import { makeEnvironment } from "./environment.ts";

const BASE = { given: {}, trust: { SSL_CERT_FILE: "/run/x" }, hasTerminal: false };

Deno.test("makeEnvironment() leads programs to the proxy and the certificates", () => {
  const env = makeEnvironment(BASE);
  assert.equal(env["HTTPS_PROXY"], "http://127.0.0.1:3128");
  assert.equal(env["https_proxy"], "http://127.0.0.1:3128");
  assert.equal(env["NO_PROXY"], "127.0.0.1,localhost,::1");
  assert.equal(env["NODE_USE_ENV_PROXY"], "1");
  assert.equal(env["SSL_CERT_FILE"], "/run/x");
  assert.equal(env["HOME"], "/sandbox");
});

Deno.test.each([
  { name: "keeps what the person gave", given: { FOO: "1" }, variable: "FOO", want: "1" },
  { name: "lets PATH be given", given: { PATH: "/x" }, variable: "PATH", want: "/x" },
  {
    name: "does not let the proxy be replaced",
    given: { HTTPS_PROXY: "http://evil" },
    variable: "HTTPS_PROXY",
    want: "http://127.0.0.1:3128",
  },
  {
    name: "drops OpenShell's own names",
    given: { OPENSHELL_TOKEN: "x" },
    variable: "OPENSHELL_TOKEN",
    want: undefined,
  },
])("makeEnvironment() $name", ({ given, variable, want }) => {
  assert.equal(makeEnvironment({ ...BASE, given })[variable], want);
});

Deno.test("makeEnvironment() names a terminal only where there is one", () => {
  assert.equal(makeEnvironment(BASE)["TERM"], "dumb");
  assert.equal(makeEnvironment({ ...BASE, hasTerminal: true })["TERM"], "xterm-256color");
});
