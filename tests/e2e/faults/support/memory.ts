/**
 * What a process holds, over time, and whether it grows.
 *
 * @module
 */

export interface Sample {
  readonly seconds: number;
  readonly pssKib: number;
  readonly rssKib: number;
  readonly files: number;
}

/** Looks at a process that runs. */
export function sample(pid: number, seconds: number): Sample {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
  const files = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
  return { seconds, pssKib: field("Pss"), rssKib: field("Rss"), files };
}

/** Returns the growth in units a minute: the line that fits best, after a third for warming up. */
export function slopePerMinute(
  samples: readonly Sample[],
  of: (sample: Sample) => number,
): number {
  const kept = samples.slice(Math.floor(samples.length / 3));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const meanX = mean(kept.map(({ seconds }) => seconds));
  const meanY = mean(kept.map(of));
  const products = kept.map((each) => (each.seconds - meanX) * (of(each) - meanY));
  const squares = kept.map(({ seconds }) => (seconds - meanX) ** 2);
  return mean(products) / mean(squares) * 60;
}
