/**
 * For tests: findings about the static sections.
 *
 * @module
 */

import type { MarkedCase } from "./marked_policy.ts";

const LONG_PATH = `/${"a".repeat(4096)}`;

export const SANDBOX_CASES: readonly MarkedCase[] = [
  { name: "accepts the smallest policy", policy: "version: 1" },
  {
    name: "needs a version",
    policy: "«missing_key»landlock: { compatibility: hard_requirement }",
    fix: "version: 1",
  },
  { name: "refuses version 2", policy: "version: «unsupported_version»2", fix: "1" },
  { name: "refuses a version as text", policy: 'version: «wrong_type»"1"', fix: "1" },
  { name: "refuses a version with a fraction", policy: "version: «wrong_type»1.0", fix: "1" },
  { name: "refuses a hexadecimal version", policy: "version: «number_spelling»0x1", fix: "1" },
  { name: "refuses an octal version", policy: "version: «number_spelling»01", fix: null },
  {
    name: "warns of best effort",
    policy: "version: 1\nlandlock: { compatibility: «best_effort»best_effort }",
    fix: "hard_requirement",
  },
  {
    name: "refuses a mistyped compatibility",
    policy: "version: 1\nlandlock: { compatibility: «unknown_compatibility»hard_requirment }",
    fix: "hard_requirement",
  },
  {
    name: "refuses a relative path",
    policy: "version: 1\nfilesystem_policy: { read_only: [«path_not_absolute»usr] }",
    fix: "/usr",
  },
  {
    name: "refuses a home path",
    policy: "version: 1\nfilesystem_policy: { read_only: [«path_not_absolute»~/x] }",
    fix: null,
  },
  {
    name: "refuses a parent component",
    policy: "version: 1\nfilesystem_policy: { read_write: [«path_parent_component»/a/../b] }",
  },
  {
    name: "refuses a long path",
    policy: `version: 1\nfilesystem_policy: { read_write: [«path_too_long»${LONG_PATH}] }`,
  },
  {
    name: "refuses too many paths",
    policy: `version: 1\n«too_many_paths»filesystem_policy: { read_only: [${
      Array.from({ length: 257 }, (_, i) => `/p${i}`).join(", ")
    }] }`,
  },
  {
    name: "refuses the root as read-write",
    policy: "version: 1\nfilesystem_policy: { read_write: [«filesystem_too_broad»/] }",
  },
  {
    name: "refuses a spelling of the root as read-write",
    policy: "version: 1\nfilesystem_policy: { read_write: [«filesystem_too_broad»//./] }",
  },
  {
    name: "refuses a path in both lists",
    policy: "version: 1\nfilesystem_policy:\n  read_only: [/tmp]\n" +
      "  read_write: [«filesystem_conflict»/tmp/]",
  },
  {
    name: "warns of a path twice",
    policy: "version: 1\nfilesystem_policy: { read_only: [/usr, «duplicate_entry»/usr/] }",
    fix: "remove it",
  },
  {
    name: "warns of a glob as path",
    policy: 'version: 1\nfilesystem_policy: { read_only: [«literal_metacharacter»"/home/*"] }',
  },
  {
    name: "shows text as list",
    policy: 'version: 1\nfilesystem_policy: { read_only: «wrong_type»"/x" }',
    fix: '["/x"]',
  },
  {
    name: "refuses a number as user",
    policy: "version: 1\nprocess: { run_as_user: «wrong_type»2001 }",
    fix: '"2001"',
  },
  ...["0", "root", "nobody", "4294967295", "007", "-1", "1e3"].map((user) => ({
    name: `refuses user ${user}`,
    policy: `version: 1\nprocess: { run_as_user: «invalid_identity»"${user}" }`,
    fix: "sandbox",
  })),
  ...["1", "4294967294", "sandbox"].map((group) => ({
    name: `accepts group ${group}`,
    policy: `version: 1\nprocess: { run_as_group: "${group}" }`,
  })),
];
