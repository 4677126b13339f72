/**
 * Ports of endpoints.
 *
 * @module
 */

import type { Findings } from "../parse/findings.ts";
import type { RawEndpoint } from "../parse/schema.ts";
import { type Placed, placed, readable, warnDuplicates } from "./place.ts";

/** Returns the ports, ascending; empty after reporting why there are none. */
export function validatePorts(raw: RawEndpoint, findings: Findings): readonly number[] {
  const { port, ports } = raw;
  if (port.written && ports.written) {
    const message = "An endpoint has port or ports, not both";
    const numbers = [placed(port), ...readable(ports)].flatMap((item) => item?.value ?? []);
    const fix = `ports: [${[...new Set(numbers)].join(", ")}]`;
    findings.add("port_and_ports", port.field, message, { fix, at: port.field.keySpan });
  } else if (!port.written && (!ports.written || ports.value?.length === 0)) {
    const field = ports.written ? ports.field : raw.at;
    findings.add("missing_port", field, "An endpoint needs a port", { fix: "port: 443" });
  }
  const single = placed(port);
  const items = [...(single === null ? [] : [single]), ...readable(ports)];
  const valid = items.filter((item) => inRange(item, findings));
  const listed = valid.filter((item) => item !== single);
  warnDuplicates(listed.map(({ field, value }) => ({ field, key: value })), findings);
  return [...new Set(valid.map(({ value }) => value))].sort((a, b) => a - b);
}

const PORT_MAX = 65_535;

function inRange({ field, value }: Placed<number>, findings: Findings): boolean {
  if (value >= 1 && value <= PORT_MAX) return true;
  const message = `Port ${value} should be from 1 to ${PORT_MAX}`;
  findings.add("port_out_of_range", field, message);
  return false;
}
