/**
 * Elastic tab stops, as opteadm lays its tables out (Rust's tabwriter: at least two columns wide,
 * two of padding). A column reaches over the lines next to each other that have it, so a rule
 * between head and rows ends it; what follows the last tab of a line belongs to no column.
 */
const LEAST_WIDTH = 2;
const PADDING = 2;

export function elastic(text: string): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const widths: number[][] = lines.map(() => []);
  const hasColumn = (line: number, column: number) => column < (lines[line]?.length ?? 0) - 1;
  for (let line = 0; line < lines.length; line++) {
    for (let column = widths[line]?.length ?? 0; hasColumn(line, column); column++) {
      let end = line;
      let width = LEAST_WIDTH;
      for (; hasColumn(end, column); end++) width = Math.max(width, (lines[end]?.[column] ?? "").length);
      for (let one = line; one < end; one++) widths[one]?.push(width);
    }
  }
  return lines
    .map((cells, line) =>
      cells.map((cell, column) => {
        const width = widths[line]?.[column];
        return width === undefined ? cell : cell.padEnd(width + PADDING);
      }),
    )
    .map((cells) => cells.join(""))
    .join("\n");
}
