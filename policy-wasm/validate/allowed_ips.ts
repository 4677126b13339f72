/**
 * Destination ranges of endpoints.
 *
 * @module
 */

import { validateAllowedIp } from "../destination.ts";
import { formatCidr, formatIp, parseCidr, parseIp } from "../ip.ts";
import type { Findings } from "../parse/findings.ts";
import type { RawEndpoint } from "../parse/schema.ts";
import { quote } from "../parse/source.ts";
import type { Field } from "../parse/tree.ts";
import { readable, warnDuplicates } from "./place.ts";

/** Returns the canonical ranges, sorted and without duplicates. */
export function validateAllowedIps(raw: RawEndpoint, findings: Findings): readonly string[] {
  const items = readable(raw.allowed_ips).flatMap(({ field, value }) => {
    const form = validateAllowedIp(value.trim());
    if (form.ok) return [{ field, value, key: form.cidr }];
    findings.add("allowed_ip_invalid", field, `${form.detail}: ${quote(value)}`);
    return [];
  });
  for (const { field, value, key } of items) {
    warnHostBits(field, value, findings);
    const cidr = parseCidr(key);
    if (cidr === null || cidr.version !== 4 || cidr.prefix >= BROAD_PREFIX) continue;
    const message = `${quote(value)} is wider than /${BROAD_PREFIX}`;
    findings.add("allowed_ips_broad", field, message);
  }
  warnDuplicates(items, findings);
  if (items.length > MANY_ENTRIES) {
    const message = `${items.length} ranges are hard to review; fewer than ${
      MANY_ENTRIES + 1
    } are not`;
    findings.add("many_allowed_ips", raw.allowed_ips.field, message);
  }
  return [...new Set(items.map(({ key }) => key))].sort();
}

/** The bits behind the prefix are cleared, and their author may have meant one address. */
function warnHostBits(field: Field, value: string, findings: Findings): void {
  const text = value.trim();
  const ip = parseIp(text.split("/", 1)[0]!);
  const cidr = parseCidr(text);
  if (ip === null || cidr === null || formatIp(ip) === formatCidr(cidr).split("/", 1)[0]) return;
  const message = `${quote(value)} means all of ${formatCidr(cidr)}`;
  findings.add("allowed_ip_host_bits", field, message, { fix: formatCidr(cidr) });
}

const BROAD_PREFIX = 16;
const MANY_ENTRIES = 16;
