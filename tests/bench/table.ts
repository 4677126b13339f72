/**
 * Plain text tables, and numbers as people read them.
 *
 * @module
 */

/** Returns a table: the first column is flush left, all others flush right. */
export function table(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const lines = all.map((row) =>
    widths.map((width, i) => i === 0 ? row[0]!.padEnd(width) : (row[i] ?? "").padStart(width))
      .join("  ").trimEnd()
  );
  const rule = "-".repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [title, lines[0], rule, ...lines.slice(1), ""].join("\n");
}

/** `81 ns`, `1.9 µs`, `7.7 ms`, `1.2 s`. */
export function duration(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`;
  return ns < 1e9 ? `${digits(ns / 1e6)} ms` : `${digits(ns / 1e9)} s`;
}

export function ratio(value: number): string {
  return `${value < 100 ? digits(value) : grouped(Math.round(value))}x`;
}

/** `10,000` */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

function digits(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
