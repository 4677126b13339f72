/**
 * Shows how far something has come: a checklist on a terminal, lines with times elsewhere.
 *
 * @module
 */

import type { PlatformEvent } from "../../gateway/client/types.ts";
import type { Context } from "../context.ts";
import { printableLine } from "../printable.ts";
import { styleOf } from "../style.ts";

/** Between two frames, in milliseconds. */
const FRAME_MS = 80;

const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** What a step is called where the gateway gives it no name. */
const LABELS: Readonly<Record<string, string>> = {
  requesting_sandbox: "Requesting sandbox",
  pulling_image: "Pulling image",
  starting_sandbox: "Starting sandbox",
};

const PREFIX = "openshell.progress.";

/** A checklist. Every `begin` ends in a `complete` or in `stop`. */
export class Progress {
  readonly #context: Context;
  readonly #isQuiet: boolean;
  readonly #start: number;
  #active: { readonly label: string; readonly startMs: number } | null = null;
  #detail = "";
  #frame = 0;
  #stopTimer: (() => void) | null = null;

  constructor(context: Context, { isQuiet }: { readonly isQuiet: boolean }) {
    this.#context = context;
    this.#isQuiet = isQuiet;
    this.#start = context.machine.now();
  }

  /** Starts a step; the one before it is complete. */
  begin(label: string): void {
    if (this.#active?.label === label) return;
    this.complete();
    this.#active = { label, startMs: this.#context.machine.now() };
    this.#detail = "";
    if (this.#isQuiet) return;
    if (!this.#isLive) return this.#line(label);
    this.#draw();
    this.#stopTimer ??= this.#context.machine.every(FRAME_MS, () => this.#draw());
  }

  /** Takes over what a platform event says. Returns true when it was about progress. */
  show({ metadata }: PlatformEvent): boolean {
    const at = (key: string) => metadata[PREFIX + key] ?? "";
    const completed = at("complete_step");
    const active = at("active_step");
    if (completed !== "") this.complete(at("complete_label") || undefined);
    if (active !== "") this.begin(LABELS[active] ?? active);
    this.#detail = at("active_detail");
    return completed !== "" || active !== "" || this.#detail !== "";
  }

  /** Ends the step that runs, where one does. */
  complete(label?: string): void {
    const active = this.#active;
    if (active === null) return;
    this.#active = null;
    if (this.#isQuiet || !this.#isLive) return;
    const { stderr, machine } = this.#context;
    const seconds = ((machine.now() - active.startMs) / 1000).toFixed(1);
    const style = styleOf(stderr, this.#context);
    const shown = printableLine(label ?? active.label);
    stderr.write(`\r\x1b[2K${style.green("✓")} ${shown} ${style.dim(`(${seconds}s)`)}\n`);
  }

  /** Tells something that is no step. */
  note(text: string): void {
    if (this.#isQuiet) return;
    if (!this.#isLive) return this.#line(text);
    this.#context.stderr.write(`\r\x1b[2K${printableLine(text)}\n`);
  }

  /** Ends the display, with the last step neither complete nor failed. */
  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
    if (this.#active !== null && this.#isLive && !this.#isQuiet) {
      this.#context.stderr.write("\r\x1b[2K");
    }
    this.#active = null;
  }

  get #isLive(): boolean {
    return this.#context.stderr.isTerminal;
  }

  #draw(): void {
    if (this.#active === null) return;
    const frame = FRAMES[this.#frame++ % FRAMES.length];
    const detail = this.#detail === "" ? "" : ` ${printableLine(this.#detail)}`;
    const label = printableLine(this.#active.label);
    this.#context.stderr.write(`\r\x1b[2K${frame} ${label}${detail}`);
  }

  #line(text: string): void {
    const seconds = ((this.#context.machine.now() - this.#start) / 1000).toFixed(1);
    this.#context.stderr.write(`[${seconds}s] ${printableLine(text)}\n`);
  }
}
