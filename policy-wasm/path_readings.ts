/**
 * Judges a request by each path that a server may read in its path.
 *
 * Canonical paths keep two escapes that some servers take for a separator: `%2F`, where an endpoint
 * accepts it, and `%5C`, a backslash. To our globs both are data, which is right for what is
 * allowed, but would lead past what is denied: `/admin%2Fkeys` matches no deny of `/admin/**`. So
 * what denies has to be silent about the other readings as well:
 *
 * - a reading for which there is a deny rule, or an endpoint that cannot take such a request at all,
 *   denies it (or marks it, in audit mode);
 * - that nothing allows a reading, or no endpoint covers it, means nothing: the request that is
 *   allowed is the one that goes on, in the form in which it was allowed.
 *
 * Pure: no I/O, no module state. At most three readings besides the first.
 *
 * @module
 */

import type { Decision } from "./decision.ts";
import type { Request } from "./request.ts";

/** Returns the strictest decision about a canonical request. */
export function judgeReadings(
  request: Request,
  judge: (request: Request) => Decision,
): Decision {
  let decision = judge(request);
  if (!request.path.includes("%")) return decision;
  for (const reading of otherReadings(request)) {
    if (decision.verdict === "deny") return decision;
    const other = judge(reading);
    const isSilent = other.reason === "request_not_allowed" ||
      other.reason === "persisted_query_not_allowed" || other.reason === "path_not_in_scope";
    if (isSilent) continue;
    if (other.verdict === "deny" || (other.audited && !decision.audited)) decision = other;
  }
  return decision;
}

/** Returns the request as servers read it that separate at `%2F`, at `%5C`, or at both. */
export function otherReadings(request: Request): readonly Request[] {
  const { path } = request;
  const hasSlash = path.includes("%2F");
  const hasBackslash = path.includes("%5C");
  const paths: string[] = [];
  if (hasSlash) paths.push(path.replaceAll("%2F", "/"));
  if (hasBackslash) paths.push(path.replaceAll("%5C", "/"));
  if (hasSlash && hasBackslash) paths.push(path.replaceAll(/%2F|%5C/g, "/"));
  return paths.map((reading) => ({
    ...request,
    path: reading.replaceAll(/\/{2,}/g, "/"),
    encodedSlash: reading.includes("%2F"),
  }));
}
