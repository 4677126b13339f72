/**
 * `port` and `ports`, as claims and providers write them.
 *
 * @module
 */

import type { Findings } from "../../policy-wasm/parse/findings.ts";
import type { Read } from "../../policy-wasm/parse/reader.ts";
import { placed, readable } from "../../policy-wasm/validate/place.ts";

/** The two keys; at most one of them is written. */
export interface WrittenPorts {
  readonly port: Read<number>;
  readonly ports: Read<readonly Read<number>[]>;
}

/** Returns the ports, `null` where neither key is written. `what` is as in `A pattern`. */
export function readPorts(
  { port, ports }: WrittenPorts,
  what: string,
  findings: Findings,
): readonly number[] | null {
  if (port.written && ports.written) {
    findings.add("port_and_ports", port.field, `${what} has port or ports, not both`);
  }
  const single = placed(port);
  const items = single === null ? readable(ports) : [single];
  for (const { field, value } of items) {
    if (value >= 1 && value <= 65_535) continue;
    findings.add("port_out_of_range", field, `Port ${value} should be from 1 to 65535`);
  }
  if (ports.written && ports.value?.length === 0) {
    findings.add("empty_list", ports.field, "ports needs at least one port");
  }
  return port.written || ports.written ? items.map(({ value }) => value) : null;
}
