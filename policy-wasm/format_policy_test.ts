import { strict as assert } from "node:assert";
import { formatPolicy } from "./format_policy.ts";

const MESSY = `# Reads the API.
version:   1

network_policies:
    # one rule
    api:
        endpoints:
            -   host: api.example.com # the public one
                port: 443
                protocol: rest
                # only this part
                rules: [ {allow: {method: GET,
                   path: "/v1/**"}} ]
        # nobody else
        binaries: [ {path: &curl /usr/bin/curl} ]
    other:
        name: *curl
`;

const TIDY = `# Reads the API.
version: 1

network_policies:
  # one rule
  api:
    endpoints:
      - host: api.example.com # the public one
        port: 443
        protocol: rest
        # only this part
        rules: [ { allow: { method: GET, path: "/v1/**" } } ]
    # nobody else
    binaries: [ { path: &curl /usr/bin/curl } ]
  other:
    name: *curl
`;

Deno.test("formatPolicy() tidies and keeps order, comments and anchors", () => {
  assert.equal(formatPolicy(MESSY), TIDY);
});

Deno.test("formatPolicy() leaves its own output alone", () => {
  assert.equal(formatPolicy(TIDY), TIDY);
});
