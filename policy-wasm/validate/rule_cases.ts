/**
 * For tests: findings about rules, binaries, hosts, ports and addresses.
 *
 * @module
 */

import { type MarkedCase, withEndpoint, withEndpoints } from "./marked_policy.ts";

export const RULE_CASES: readonly MarkedCase[] = [
  {
    name: "refuses a reserved key",
    policy: "version: 1\nnetwork_policies:\n  «reserved_rule_key»_provider_x:\n" +
      "    endpoints: [{ host: a.example.com, port: 1 }]\n    binaries: [{ path: /bin/x }]",
    fix: "x",
  },
  {
    name: "refuses an empty key",
    policy: 'version: 1\nnetwork_policies:\n  «reserved_rule_key»"":\n' +
      "    endpoints: [{ host: a.example.com, port: 1 }]\n    binaries: [{ path: /bin/x }]",
  },
  {
    name: "needs endpoints and binaries",
    policy: "version: 1\nnetwork_policies:\n  «rule_without_endpoints»«rule_without_binaries»r: {}",
  },
  {
    name: "refuses empty endpoints and binaries",
    policy: "version: 1\nnetwork_policies:\n  r:\n    «rule_without_endpoints»endpoints: []\n" +
      "    «rule_without_binaries»binaries: []",
  },
  {
    name: "suggests any binary",
    policy: "version: 1\nnetwork_policies:\n  r:\n" +
      "    endpoints: [{ host: a.example.com, port: 1 }]\n    «rule_without_binaries»binaries: []",
    fix: 'binaries: [{ path: "/**" }]',
  },
  ...([
    ["any_binary", '"/**"'],
    ["any_binary", '"**"'],
    ["any_binary", '"/**/*"'],
    ["binary_not_absolute", "curl"],
    ["binary_not_absolute", '"*/curl"'],
    ["binary_not_absolute", '"~/x"'],
    ["binary_not_normalised", "/usr//bin/curl"],
    ["binary_not_normalised", "/usr/bin/"],
    ["binary_not_normalised", "/usr/../bin/x"],
    ["literal_metacharacter", '"/usr/bin/python3.?"'],
    ["literal_metacharacter", '"/opt/{a,b}"'],
    ["path_too_long", `/${"a".repeat(4096)}`],
  ] as const).map(([code, path]) => ({
    name: `finds ${code} in binary ${path.slice(0, 30)}`,
    policy: withBinary(`path: «${code}»${path}`),
  })),
  ...["/usr/bin/curl", '"/opt/*/bin/x"', '"**/git"', '"/opt/**/python3.?"', "/Ünïcode/x"].map(
    (path) => ({ name: `accepts binary ${path}`, policy: withBinary(`path: ${path}`) }),
  ),
  {
    name: "suggests an absolute binary",
    policy: withBinary("path: «binary_not_absolute»curl"),
    fix: "/usr/bin/curl",
  },
  {
    name: "points into a malformed glob",
    policy: withBinary('path: "/usr/*/«malformed_glob»[a"'),
  },
  {
    name: "needs a path of a binary",
    policy: withBinary("path: /bin/x }, «missing_key»{ descendants: true"),
  },
  {
    name: "ignores harness",
    policy: withBinary("path: /bin/x, «deprecated_harness»harness: true"),
    fix: "remove it",
  },
  {
    name: "warns of a binary twice",
    policy: withBinary("path: /bin/x }, { path: «duplicate_entry»/bin/x"),
  },
];

export const DESTINATION_CASES: readonly MarkedCase[] = [
  ...([
    ["invalid_host", '"a b.example.com"', null],
    ["invalid_host", "a..example.com", null],
    ["invalid_host", '"127.1"', null],
    ["invalid_host", "0x7f.0.0.1", null],
    ["invalid_host", "https://api.example.com/v1", "api.example.com"],
    ["invalid_host", "api.example.com/v1", "api.example.com"],
    ["invalid_host", "api.example.com:443", "host: api.example.com, port: 443"],
    ["invalid_host", "user@example.com", null],
    ["invalid_host", `${"a".repeat(64)}.example.com`, null],
    ["invalid_host", `"*.${"aaaaaaaaa.".repeat(26)}com"`, null],
    ["invalid_host", '"*.a_b!.com"', null],
    ["host_not_ascii", "bücher.example.com", "xn--bcher-kva.example.com"],
    ["host_not_ascii", '"*.bücher.example"', "*.xn--bcher-kva.example"],
    ["host_trailing_dot", "api.example.com.", "api.example.com"],
    ["host_pattern_token", '"api.{a,b}.com"', null],
    ["host_pattern_token", '"ap?.example.com"', null],
    ["host_pattern_token", '"[2001:db8::1]"', "2001:db8::1"],
    ["host_wildcard_too_broad", '"*"', null],
    ["host_wildcard_too_broad", '"**"', null],
    ["host_wildcard_too_broad", '"*.com"', null],
    ["host_wildcard_too_broad", '"**.com"', null],
    ["host_wildcard_too_broad", '"*.*.*"', null],
    ["host_wildcard_too_broad", '"**.*.*"', null],
    ["host_wildcard_too_broad", "foo.bar.*", null],
    ["host_wildcard_too_broad", "foo.*.com", null],
    ["host_wildcard_position", "a.us-*.x.example.com", null],
    ["host_wildcard_position", "a.**.example.com", null],
    ["host_wildcard_position", '"a**.x.example.com"', null],
    ["host_ip_pattern", "10.0.0.*", "allowed_ips: [10.0.0.0/24]"],
    ["host_ip_pattern", "10.*.*.*", "allowed_ips: [10.0.0.0/8]"],
    ["host_ip_pattern", '"*.0.0.1"', null],
    ["host_never_reachable", "localhost", null],
    ["host_never_reachable", "LOCALHOST", null],
    ["host_never_reachable", "app.localhost", null],
    ["host_never_reachable", "127.0.0.1", null],
    ["host_never_reachable", '"::1"', null],
    ["host_never_reachable", "169.254.169.254", null],
    ["host_never_reachable", "metadata.google.internal", null],
    ["public_suffix_wildcard", '"*.github.io"', null],
    ["public_suffix_wildcard", '"*-x.pages.dev"', null],
    ["public_suffix_wildcard", '"**.github.io"', null],
    ["public_suffix_wildcard", '"**.amazonaws.com"', null],
    ["public_suffix_wildcard", '"*.s3.*.amazonaws.com"', null],
    ["public_suffix_wildcard", '"*.co.uk"', null],
  ] as const).map(([code, host, fix]) => ({
    name: `finds ${code} in host ${host.slice(0, 30)}`,
    policy: withEndpoint(`host: «${code}»${host}\nport: 443`),
    fix,
  })),
  ...["api.example.com", "API.Example.com", "intranet", "10.1.2.3", '"2001:db8::1"', '"*.x.y"']
    .concat(['"**.x.example.com"', '"*-api.x.y"', '"*.sub.*.example.com"', '"*.me.github.io"'])
    .concat(["host.docker.internal", "my_host.example.com"])
    .map((host) => ({
      name: `accepts host ${host}`,
      policy: withEndpoint(`host: ${host}\nport: 443`),
    })),
  { name: "needs a host", policy: withEndpoint("«missing_host»port: 443") },
  {
    name: "needs more than an empty host",
    policy: withEndpoint('host: «missing_host»""\nport: 1'),
  },
  {
    name: "needs an entry of allowed_ips without host",
    policy: withEndpoint("«missing_host»port: 443\nallowed_ips: []"),
  },
  {
    name: "accepts addresses without host",
    policy: withEndpoint("port: 443\nallowed_ips: [10.1.0.0/16]"),
  },
  {
    name: "needs a host for tcp",
    policy: withEndpoint("«missing_host»port: 1\nprotocol: tcp\nallowed_ips: [10.1.0.0/16]"),
  },
  {
    name: "refuses an address for tcp",
    policy: withEndpoint("host: «tcp_host_not_name»10.1.2.3\nport: 1\nprotocol: tcp"),
  },
  {
    name: "warns of a pattern for tcp",
    policy: withEndpoint('host: «wildcard_tcp_host»"*.x.example"\nport: 1\nprotocol: tcp'),
  },
  { name: "needs a port", policy: withEndpoint("«missing_port»host: a.io"), fix: "port: 443" },
  { name: "needs one of ports", policy: withEndpoint("host: a.io\n«missing_port»ports: []") },
  { name: "refuses port 0", policy: withEndpoint("host: a.io\nport: «port_out_of_range»0") },
  {
    name: "refuses port 65536",
    policy: withEndpoint("host: a.io\nport: «port_out_of_range»65536"),
  },
  {
    name: "refuses a negative port",
    policy: withEndpoint("host: a.io\nports: [1, «port_out_of_range»-1]"),
  },
  {
    name: "refuses port and ports",
    policy: withEndpoint("host: a.io\n«port_and_ports»port: 1\nports: [2, 1]"),
    fix: "ports: [1, 2]",
  },
  {
    name: "warns of a port twice",
    policy: withEndpoint("host: a.io\nports: [1, 2, «duplicate_entry»1]"),
  },
  ...([
    ["allowed_ip_invalid", '"10.0.0"'],
    ["allowed_ip_invalid", "0.0.0.0/0"],
    ["allowed_ip_invalid", "127.0.0.1"],
    ["allowed_ip_invalid", "host.example.com"],
    ["allowed_ips_broad", "10.0.0.0/8"],
  ] as const).map(([code, ip]) => ({
    name: `finds ${code} in ${ip}`,
    policy: withEndpoint(`host: a.io\nport: 1\nallowed_ips: [«${code}»${ip}]`),
  })),
  {
    name: "warns of an address twice",
    policy: withEndpoint(
      "host: a.io\nport: 1\nallowed_ips: [10.1.2.0/24, «allowed_ip_host_bits»«duplicate_entry»10.1.2.3/24]",
    ),
  },
  {
    name: "warns of many addresses",
    policy: withEndpoint(
      `host: a.io\nport: 1\n«many_allowed_ips»allowed_ips: [${
        Array.from({ length: 17 }, (_, i) => `10.1.2.${i}`).join(", ")
      }]`,
    ),
  },
  {
    name: "reports all that is wrong",
    policy: withEndpoints(
      "- host: «invalid_host»a..b\n  port: «port_out_of_range»0\n- «missing_port»host: c.io",
    ),
  },
];

function withBinary(lines: string): string {
  return "version: 1\nnetwork_policies:\n  r:\n" +
    `    endpoints: [{ host: a.example.com, port: 443 }]\n    binaries: [{ ${lines} }]`;
}
