/**
 * The formats of a proof by name.
 *
 * @module
 */

import type { Style } from "../style.ts";
import type { Judgement } from "./judge.ts";
import { renderGithub } from "./render_github.ts";
import { renderJson } from "./render_json.ts";
import { renderJunit } from "./render_junit.ts";
import { renderSarif } from "./render_sarif.ts";
import { renderTable } from "./render_table.ts";

/** Returns a proof in the format that was asked for; a table where none of the others was. */
export function render(judgement: Judgement, format: string, style: Style): string {
  switch (format) {
    case "json":
      return renderJson(judgement);
    case "sarif":
      return renderSarif(judgement);
    case "junit":
      return renderJunit(judgement);
    case "github":
      return renderGithub(judgement);
    default:
      return renderTable(judgement, style);
  }
}
