/** Figures of a run: what grew in it, and how long answers took. */
import type { Reading } from "./agent.ts";

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]) => quantile(values, 0.5);

/** The median of the last fifth of the time to that of the first. */
export function growth(readings: readonly Reading[], figure: "rssMb" | "descriptors"): number {
  const fifth = Math.max(1, Math.floor(readings.length / 5));
  const of = (some: readonly Reading[]) => median(some.map((reading) => reading[figure]));
  return of(readings.slice(-fifth)) / of(readings.slice(0, fifth));
}

/** So many of them, evenly spread, each as `seconds: MB, descriptors`. */
export function curve(readings: readonly Reading[], points: number): string {
  const step = Math.max(1, Math.ceil(readings.length / points));
  return readings
    .filter((_, n) => n % step === 0)
    .map(({ seconds, rssMb, descriptors }) => `${seconds.toFixed(0)} s ${rssMb.toFixed(0)} MB ${descriptors} fds`)
    .join("; ");
}
