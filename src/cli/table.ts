/** Tables for people: upper-case heads, columns as wide as they need to be. */
export type Row = readonly (string | number | bigint | undefined)[];

export function formatTable(head: readonly string[], rows: readonly Row[]): string {
  const cells = [head, ...rows].map((row) =>
    row.map((cell) => (cell === undefined || cell === "" ? "-" : String(cell))),
  );
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return `${cells.map(line).join("\n")}\n`;
}

/** A filter as opteadm writes it. */
export function formatFilter({
  mode,
  sources,
}: {
  readonly mode: string;
  readonly sources: readonly string[];
}): string {
  const text = `${mode.toUpperCase()}(${sources.join(", ")})`;
  return mode === "exclude" && sources.length === 0 ? `${text} (any)` : text;
}

export function formatSources(sources: readonly string[]): string {
  return sources.length === 0 ? "any" : sources.join(", ");
}
