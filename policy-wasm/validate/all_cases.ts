/**
 * For tests: every table of marked policies, so that what no case covers shows.
 *
 * @module
 */

import { DOCUMENT_CASES, SCHEMA_CASES } from "./document_cases.ts";
import { ENDPOINT_CASES } from "./endpoint_cases.ts";
import type { MarkedCase } from "./marked_policy.ts";
import { AMBIGUITY_CASES, MIDDLEWARE_CASES } from "./relation_cases.ts";
import { REQUEST_RULE_CASES } from "./request_rule_cases.ts";
import { DESTINATION_CASES, RULE_CASES } from "./rule_cases.ts";
import { SANDBOX_CASES } from "./sandbox_cases.ts";
import { SIBLING_CASES, SUGGESTION_CASES } from "./suggestion_cases.ts";

export const ALL_CASES: readonly MarkedCase[] = [
  ...DOCUMENT_CASES,
  ...SCHEMA_CASES,
  ...SANDBOX_CASES,
  ...RULE_CASES,
  ...DESTINATION_CASES,
  ...ENDPOINT_CASES,
  ...REQUEST_RULE_CASES,
  ...MIDDLEWARE_CASES,
  ...AMBIGUITY_CASES,
  ...SIBLING_CASES,
  ...SUGGESTION_CASES,
];
