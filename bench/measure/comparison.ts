/**
 * Two things measured in turn, and what is claimed of their ratio. A series has one value a round;
 * the ratio is formed within each round, so that what slows the machine down for a while slows
 * both sides of it, and its median over the rounds is what a bound is held against.
 */
export type Unit = "µs" | "ms" | "requests/s" | "MB" | "descriptors";

export interface Bound {
  readonly kind: "at most" | "at least";
  readonly ratio: number;
}

export interface Comparison {
  readonly title: string;
  readonly unit: Unit;
  readonly measured: readonly number[];
  readonly baseline: readonly number[];
  /** Left out: the ratio is only reported. */
  readonly bound?: Bound;
  /** What the median may be at most, in the unit, whatever the baseline costs. */
  readonly limit?: number;
}

export interface Benchmark {
  readonly name: string;
  /** What is measured, and against what. */
  readonly about: string;
  run(): Promise<readonly Comparison[]>;
  /** Why it cannot be run on this machine; undefined: it can. */
  missing?(): string | undefined;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export function ratios({ measured, baseline }: Comparison): number[] {
  return measured.map((value, round) => value / (baseline[round] ?? Number.NaN));
}

/** Whether the bound and the limit hold; a comparison without them always does. */
export function holds(comparison: Comparison): boolean {
  const { bound, limit = Number.POSITIVE_INFINITY } = comparison;
  if (median(comparison.measured) > limit) return false;
  if (bound === undefined) return true;
  const ratio = median(ratios(comparison));
  return bound.kind === "at most" ? ratio <= bound.ratio : ratio >= bound.ratio;
}
