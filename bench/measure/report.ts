/** A benchmark's comparisons as a table for a person: medians, min–max, ratio, bound. */
import { type Comparison, holds, ratios, type Spread, spread } from "./comparison.ts";

function figure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

const withSpread = ({ median, min, max }: Spread) => `${figure(median)} (${figure(min)}–${figure(max)})`;

function row(comparison: Comparison): string[] {
  const { title, unit, measured, baseline, bound, limit } = comparison;
  const bounds = [
    ...(bound === undefined ? [] : [`${bound.kind} ${bound.ratio}`]),
    ...(limit === undefined ? [] : [`at most ${limit} ${unit}`]),
  ];
  return [
    title,
    unit,
    withSpread(spread(measured)),
    withSpread(spread(baseline)),
    withSpread(spread(ratios(comparison))),
    bounds.length === 0 ? "none" : bounds.join(", "),
    bounds.length === 0 ? "" : holds(comparison) ? "holds" : "DOES NOT HOLD",
  ];
}

const HEADINGS = ["", "unit", "measured", "baseline", "ratio within rounds", "bound", ""];

export function tableOf(comparisons: readonly Comparison[]): string {
  const rows = [HEADINGS, ...comparisons.map(row)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) => `  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd())
    .join("\n");
}
