/** Findings as a table that fits the terminal: what is too long goes on in the next line of its column. */
import type { Colour } from "../colour.ts";
import { type Finding, STATES, type State } from "./finding.ts";

const COLOURS: Readonly<Record<State, Colour>> = {
  ok: "green",
  warning: "yellow",
  failed: "red",
  "not applicable": "dim",
};

/** Below this no column would hold a word. */
const NARROWEST = 60;

/** Whole words, unless one is longer than a line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    let rest = word;
    if (line !== "" && line.length + 1 + rest.length <= width) {
      line += ` ${rest}`;
      continue;
    }
    if (line !== "") lines.push(line);
    for (; rest.length > width; rest = rest.slice(width)) lines.push(rest.slice(0, width));
    line = rest;
  }
  return [...lines, line];
}

/** One finding: its columns side by side, and under them the way out over the width of both. */
function block(finding: Finding, widths: readonly [number, number, number, number], paint: Paint): string[] {
  const [checkWidth, stateWidth, foundWidth, expectedWidth] = widths;
  const { check, state, found, expected, wayOut } = finding;
  const columns = [wrap(check, checkWidth), [state], wrap(found, foundWidth), wrap(expected, expectedWidth)] as const;
  const height = Math.max(...columns.map(({ length }) => length));
  const lines = Array.from({ length: height }, (_, i) => {
    const [first, second, third, fourth] = columns.map((column) => column[i] ?? "");
    // Colours take no room, so they come after the padding.
    const said = (second ?? "").padEnd(stateWidth).replace(/\S.*\S/, (word) => paint(COLOURS[state], word));
    return `${(first ?? "").padEnd(checkWidth)}  ${said}  ${(third ?? "").padEnd(foundWidth)}  ${fourth}`.trimEnd();
  });
  if (wayOut === undefined) return lines;
  const indent = " ".repeat(checkWidth + stateWidth + 4);
  const ways = wrap(`way out: ${wayOut}`, foundWidth + expectedWidth + 2);
  return [...lines, ...ways.map((line) => indent + line)];
}

type Paint = (colour: Colour, text: string) => string;

function summary(findings: readonly Finding[]): string {
  const counts = STATES.map((state) => [state, findings.filter((one) => one.state === state).length] as const);
  return counts
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
    .join(", ");
}

export function printFindings(findings: readonly Finding[], columns: number, paint: Paint): string {
  const width = Math.max(columns, NARROWEST);
  const checkWidth = Math.min(Math.max(...findings.map(({ check }) => check.length)), 16);
  const stateWidth = Math.max(...findings.map(({ state }) => state.length));
  const left = width - checkWidth - stateWidth - 6;
  const expectedWidth = Math.floor(left * 0.4);
  const widths = [checkWidth, stateWidth, left - expectedWidth, expectedWidth] as const;
  const head = ["CHECK", "STATE", "FOUND", "EXPECTED"].map((name, i) => name.padEnd(widths[i] ?? 0)).join("  ");
  const lines = [head.trimEnd(), ...findings.flatMap((finding) => block(finding, widths, paint))];
  return `${lines.join("\n")}\n\n${summary(findings)}\n`;
}
