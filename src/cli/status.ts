/** `status` and `audit`: how the agent is. */
import type { Command } from "commander";
import { type Colour, painter } from "./colour.ts";
import { action } from "./context.ts";
import { formatTable } from "./table.ts";

export interface Status {
  readonly version: string;
  readonly generation: number | null;
  readonly audits: readonly (Report & { readonly time: string })[];
  readonly lane: {
    readonly running: { readonly name: string; readonly seconds: number } | null;
    readonly waiting: number;
    readonly capacity: number;
  };
  readonly counts: Readonly<Record<string, number>>;
  readonly pending: readonly {
    readonly port?: string;
    readonly propolis_id?: string;
    readonly group: string;
    readonly reason: string;
  }[];
  readonly degraded: readonly { readonly thing: string; readonly subject: string; readonly reason: string }[];
  readonly driver: {
    readonly kind: "xde" | "model";
    readonly api_version: number;
    readonly through: string;
    readonly binding: string | null;
    readonly unavailable?: string;
    readonly busy_with: { readonly command: string; readonly seconds: number } | null;
  };
  readonly join_binding: string;
  readonly nics: readonly string[];
}

export interface Report {
  readonly mode: string;
  readonly seconds: number;
  readonly found: number;
  readonly findings: readonly {
    readonly what: string;
    readonly subject: Readonly<Record<string, string>>;
    readonly repaired: boolean;
    readonly error?: string;
  }[];
}

/** A table whose head is in colour, where there are colours. */
function headed(colour: Colour, table: string): string {
  return table.replace(/^.*/, (head) => painter()(colour, head));
}

function describe(status: Status): string {
  const { driver, nics, join_binding: binding, counts, pending, degraded, version, generation, audits, lane } = status;
  const [audit] = audits;
  const facts = formatTable(
    ["WHAT", "VALUE"],
    [
      ["version", version],
      [
        "driver",
        `${driver.kind}, API version ${driver.api_version}, ${driver.through}${driver.binding === null ? "" : ` (${driver.binding})`}`,
      ],
      ["NICs", nics.length === 0 ? "none" : `${nics.join(", ")} (${binding})`],
      ["configuration", generation === null ? "none in force" : `generation ${generation}`],
      [
        "last audit",
        audit === undefined ? "none yet" : `${audit.time} (${audit.mode}), ${audit.findings.length} found`,
      ],
      ["running", lane.running === null ? "nothing" : `${lane.running.name}, for ${lane.running.seconds.toFixed(1)} s`],
      ...Object.entries(counts).map(([name, count]) => [name.replaceAll("_", " "), count]),
    ],
  );
  const waiting = pending.map(({ port, propolis_id: id, group, reason }) => [group, port ?? id, reason]);
  const failing = degraded.map(({ thing, subject, reason }) => [thing, subject, reason]);
  return [
    facts,
    waiting.length === 0
      ? "nothing pending\n"
      : headed("yellow", formatTable(["PENDING GROUP", "PORT OR VMM", "REASON"], waiting)),
    failing.length === 0
      ? "nothing degraded\n"
      : headed("red", formatTable(["DEGRADED", "SUBJECT", "REASON"], failing)),
  ].join("\n");
}

function describeReport({ findings, mode, seconds }: Report): string {
  if (findings.length === 0) return `nothing found (${mode}, ${(seconds * 1000).toFixed(1)} ms)\n`;
  const subject = (of: Readonly<Record<string, string>>) =>
    Object.entries(of)
      .map(([key, value]) => `${key} ${value}`)
      .join(", ");
  return formatTable(
    ["FOUND", "SUBJECT", "REPAIRED"],
    findings.map((finding) => [
      finding.what,
      subject(finding.subject),
      finding.error ?? (finding.repaired ? "yes" : "no"),
    ]),
  );
}

export function statusCommands(program: Command): void {
  action<[]>(program.command("status").description("counts, what is pending, what is degraded"), async (context) => {
    context.print((await context.client.call("GET", "/multicast/status")) as Status, describe);
  });
  action<[]>(program.command("audit").description("hold the driver against what should be, now"), async (context) => {
    context.print((await context.client.call("POST", "/multicast/audit")) as Report, describeReport);
  });
}
