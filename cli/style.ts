/**
 * Colours, and when there are any.
 *
 * @module
 */

import type { Context, Sink } from "./context.ts";

type Paint = (text: string) => string;

/** Marks text for a reader. Without colours each function returns its argument. */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

/** No colours, as in files, pipes and tests. */
export const PLAIN: Style = {
  bold: keep,
  dim: keep,
  red: keep,
  green: keep,
  yellow: keep,
  cyan: keep,
};

/** Colours by the escape sequences that every terminal knows. */
export const COLOURED: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  red: paint(31, 39),
  green: paint(32, 39),
  yellow: paint(33, 39),
  cyan: paint(36, 39),
};

/**
 * Returns colours for a terminal, and none for anything else, for `TERM=dumb` and where the person
 * set `NO_COLOR` to anything but the empty text.
 */
export function styleOf(sink: Sink, context: Pick<Context, "env">): Style {
  if (!sink.isTerminal || context.env("TERM") === "dumb") return PLAIN;
  return (context.env("NO_COLOR") ?? "") === "" ? COLOURED : PLAIN;
}

function keep(text: string): string {
  return text;
}

function paint(start: number, end: number): Paint {
  return (text) => text === "" ? "" : `\x1b[${start}m${text}\x1b[${end}m`;
}
