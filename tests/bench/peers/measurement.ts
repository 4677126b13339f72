/**
 * What a measurement of the peers came to, as numbers, as a table and as JSON.
 *
 * @module
 */

import { duration, grouped, ratio, table } from "../table.ts";

/** Nanoseconds, bytes, or events a second. */
export type Unit = "ns" | "bytes" | "perSecond";

/** One thing that was measured, of one contender. */
export interface Measurement {
  /** Heading of its table. */
  readonly what: string;
  readonly contender: string;
  readonly unit: Unit;
  readonly samples: readonly number[];
}

/** What was not measured, and why. */
export interface Skipped {
  readonly what: string;
  readonly contender: string;
  readonly reason: string;
}

export interface Section {
  readonly measured: readonly Measurement[];
  readonly skipped: readonly Skipped[];
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Nearest rank: with few samples the high ones are the greatest. */
export function percentiles(samples: readonly number[]): Percentiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Returns a table for each thing measured, set against its first contender, and our first against each. */
export function tablesOf({ measured, skipped }: Section): readonly string[] {
  const groups = Map.groupBy(measured, ({ what }) => what);
  const notes = skipped.map(({ what, contender, reason }) =>
    `${what}, ${contender}: not measured: ${reason}\n`
  );
  return [
    ...[...groups].map(([what, those]) => {
      const [base, ours] = [those[0]!, those.find(({ contender }) => isOurs(contender))];
      const p50 = ({ samples }: Measurement) => percentiles(samples).p50;
      const rows = those.map((each) => {
        const { p50: median, p95, p99 } = percentiles(each.samples);
        return [
          each.contender,
          ...[median, p95, p99].map((value) => show(value, each.unit)),
          String(each.samples.length),
          ratio(median / p50(base)),
          ours === undefined || isOurs(each.contender) ? "" : ratio(p50(ours) / median),
        ];
      });
      const head = ["", "p50", "p95", "p99", "samples", `of ${base.contender}`, "ours to it"];
      return table(what, head, rows);
    }),
    ...notes,
  ];
}

/** The same for programs: raw samples are left out, percentiles are in units without a prefix. */
export function jsonOf({ measured, skipped }: Section) {
  return {
    measured: measured.map(({ what, contender, unit, samples }) => ({
      what,
      contender,
      unit,
      samples: samples.length,
      ...percentiles(samples),
    })),
    skipped,
  };
}

function isOurs(contender: string): boolean {
  return contender.startsWith("openshell");
}

function show(value: number, unit: Unit): string {
  switch (unit) {
    case "ns":
      return duration(value);
    case "bytes":
      return `${(value / 1e6).toFixed(1)} MB`;
    case "perSecond":
      return `${grouped(Math.round(value))}/s`;
  }
}
