import assert from "node:assert/strict";
import { matchesGlob } from "../../../policy-wasm/reference_glob.ts";
import { BUILTIN_PROFILE_IDS, BuiltinProfiles, isReservedId, typeOf } from "./builtin_profiles.ts";
import { parseProfile } from "./parse_profile.ts";
import { profileFromWire, profileToWire } from "./profile_wire.ts";

const PROFILE = `id: acme-tickets
display_name: Acme ticket API
category: knowledge
credentials:
  - name: key
    env_vars: [ACME_TICKETS_KEY]
    required: true
    auth_style: header
    header_name: x-acme-key
discovery: { credentials: [key] }
endpoints:
  - { host: tickets.acme.example, port: 443, protocol: rest, access: read-only }
binaries: [/usr/bin/curl]
`;

const ORIGIN = { source: "user", scope: "workspace", resourceVersion: 3 };

Deno.test("parseProfile() reads a whole profile", () => {
  const { profile, diagnostics } = parseProfile(PROFILE);
  assert.deepEqual(diagnostics, []);
  assert.equal(profile?.id, "acme-tickets");
  assert.deepEqual(profile?.credentials[0]?.envVars, ["ACME_TICKETS_KEY"]);
  assert.equal(profile?.endpoints[0]?.host, "tickets.acme.example");
  assert.deepEqual(profile?.binaries, [{ path: "/usr/bin/curl", descendants: false }]);
  assert.equal(parseProfile("id: a\n").profile?.category, "other");
});

Deno.test("parseProfile() takes what it gave over the wire, with the same meaning", () => {
  const profiles = [parseProfile(PROFILE).profile!, ...new BuiltinProfiles().list()];
  for (const profile of profiles) {
    const document = profileFromWire(profileToWire(profile, ORIGIN));
    const again = parseProfile(JSON.stringify(document)).profile;
    assert.deepEqual(
      { ...again, rule: null, resourceVersion: 0 },
      { ...profile, rule: null, resourceVersion: 0 },
      profile.id,
    );
    assert.equal(again?.resourceVersion, 3);
  }
});

Deno.test.each<{ name: string; from?: string; to: string; line: number; want: RegExp }>([
  { name: "an unknown key", from: "category", to: "categry", line: 3, want: /does not exist/ },
  { name: "no id", from: "id: acme-tickets", to: "description: x", line: 1, want: /needs an id/ },
  { name: "a bad id", from: "acme-tickets", to: "Acme_Tickets", line: 1, want: /lower-case/ },
  { name: "a category", from: "knowledge", to: "magic", line: 3, want: /is none of other/ },
  {
    name: "a style",
    from: "auth_style: header",
    to: "auth_style: dance",
    line: 8,
    want: /none of/,
  },
  {
    name: "no header",
    from: "    header_name: x-acme-key\n",
    to: "",
    line: 8,
    want: /needs header/,
  },
  { name: "a header", from: "x-acme-key", to: '"x y"', line: 9, want: /no name of a header/ },
  { name: "a handle", from: "ACME_TICKETS_KEY", to: "v1_KEY", line: 6, want: /handle/ },
  { name: "a reserved variable", from: "ACME_TICKETS_KEY", to: "PATH", line: 6, want: /reserved/ },
  { name: "no variable", from: "[ACME_TICKETS_KEY]", to: "[]", line: 5, want: /needs env_vars/ },
  {
    name: "a variable twice",
    from: "[ACME_TICKETS_KEY]",
    to: "[ACME_KEY, ACME_KEY]",
    line: 6,
    want: /there already/,
  },
  {
    name: "discovery",
    from: "credentials: [key] }",
    to: "credentials: [no] }",
    line: 10,
    want: /not declared/,
  },
  { name: "an endpoint", from: "port: 443", to: "prt: 443", line: 12, want: /does not exist/ },
  {
    name: "an endpoint that nobody reads",
    from: "protocol: rest, access: read-only",
    to: "protocol: tcp",
    line: 12,
    want: /allow_uninspected_credentials/,
  },
  {
    name: "one that is passed on unread",
    from: ", protocol: rest, access: read-only",
    to: ", tls: skip",
    line: 12,
    want: /allow_uninspected_credentials/,
  },
  {
    name: "a binding",
    from: "access: read-only",
    to: "access: read-only, credential_binding: { provider: x }",
    line: 12,
    want: /belongs to policies/,
  },
  { name: "a binary", from: "[/usr/bin/curl]", to: "[curl]", line: 13, want: /absolute|start/i },
  {
    name: "a token URL in clear",
    from: "    required: true\n",
    to: "    refresh: { strategy: oauth2_refresh_token, token_url: http://login.example.com/ }\n",
    line: 7,
    want: /https/,
  },
  {
    name: "a strategy",
    from: "    required: true\n",
    to: "    refresh: { strategy: wishing }\n",
    line: 7,
    want: /needs a strategy/,
  },
  {
    name: "a path template",
    from: "auth_style: header",
    to: "path_template: /bot{credential}/{credential}\n    auth_style: path",
    line: 8,
    want: /exactly once/,
  },
  {
    name: "a token grant",
    from: "    required: true\n",
    to: "    token_grant: { audience: x }\n",
    line: 7,
    want: /not in this build/,
  },
])("parseProfile() refuses $name, at its line", ({ from = "", to, line, want }) => {
  const text = PROFILE.replace(from, to);
  assert.notEqual(text, PROFILE);
  const { profile, diagnostics } = parseProfile(text);
  assert.equal(profile, null);
  const found = diagnostics.find(({ message, severity }) =>
    severity === "error" && want.test(message)
  );
  assert.ok(found !== undefined, JSON.stringify(diagnostics));
  assert.equal(found.line, line);
  assert.ok(!found.path.includes("network_policies"), found.path);
});

Deno.test.each([
  { name: "a large document", input: `# ${"x".repeat(300_000)}` },
  { name: "no YAML", input: "a: [" },
  { name: "a list", input: "[]" },
  { name: "nothing", input: "" },
  { name: "bytes that are no text", input: new Uint8Array([0xff, 0xfe]) },
])("parseProfile() refuses $name", ({ input }) => {
  const { profile, diagnostics } = parseProfile(input);
  assert.equal(profile, null);
  assert.ok(diagnostics.some(({ severity }) => severity === "error"));
});

Deno.test("BuiltinProfiles are valid, each under its own id", () => {
  const builtin = new BuiltinProfiles();
  assert.equal(BUILTIN_PROFILE_IDS.length, 17);
  for (const id of BUILTIN_PROFILE_IDS) {
    const profile = builtin.get(id);
    assert.equal(profile?.id, id);
    assert.equal(builtin.get(id), profile, "it is parsed once");
  }
  assert.equal(builtin.get("generic"), null);
  assert.equal(builtin.get("toString"), null);
});

const MODULES = "/usr/local/lib/node_modules";

/** Paths as the kernel reports them. */
Deno.test.each([
  { id: "claude-code", program: `${MODULES}/@anthropic-ai/claude-code/bin/claude.exe` },
  { id: "claude-code", program: "/sandbox/.local/share/claude/versions/2.1.331" },
  { id: "claude-code", program: "/usr/local/bin/claude" },
  {
    id: "codex",
    program: `${MODULES}/@openai/codex/node_modules/@openai/codex-linux-x64/bin/codex`,
  },
  { id: "opencode", program: `${MODULES}/opencode-ai/bin/opencode.exe` },
  { id: "opencode", program: "/sandbox/.opencode/bin/opencode" },
])("BuiltinProfiles have $id reach its hosts as $program", ({ id, program }) => {
  const { binaries } = new BuiltinProfiles().get(id)!;
  assert.ok(binaries.some(({ path }) => matchesGlob(path, program, "path")));
});

Deno.test("typeOf() knows other names of types", () => {
  assert.deepEqual(["gh", "claude", "github", "toString"].map(typeOf), [
    "github",
    "claude-code",
    "github",
    "toString",
  ]);
  assert.deepEqual(["gh", "outlook", "pypi", "mine"].map(isReservedId), [true, true, true, false]);
});
