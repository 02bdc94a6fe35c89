/** `ports`: the driver's ports, whose they are, and what they count. */
import type { Command } from "commander";
import { action, type Context } from "./context.ts";
import { parseExact } from "./exact-json.ts";
import type { Row } from "./table.ts";

interface Port {
  readonly name: string;
  readonly mac: string;
  readonly vni: number | null;
  readonly ips: readonly string[];
  readonly state: string;
  readonly owner: string;
  readonly propolis_id?: string;
}

interface CountedPort extends Port {
  readonly stats: Readonly<Record<string, number | bigint>> | null;
}

const HEAD = ["NAME", "MAC", "VNI", "IPS", "STATE", "OWNER", "PROPOLIS ID"];

/** What shows at a glance whether a port works, and how full its tables are; the rest is in the JSON. */
const COLUMNS = [
  ["IN HIT", "in_uft_hit"],
  ["IN MISS", "in_uft_miss"],
  ["IN DROP", "in_drop"],
  ["IN ERR", "in_process_err"],
  ["IN FLOWS", "in_uft_flows"],
  ["OUT HIT", "out_uft_hit"],
  ["OUT MISS", "out_uft_miss"],
  ["OUT DROP", "out_drop"],
  ["OUT ERR", "out_process_err"],
  ["OUT FLOWS", "out_uft_flows"],
  ["TCP FLOWS", "tcp_flows"],
] as const;

const rowsOf = (ports: readonly Port[]): Row[] =>
  ports.map((port) => [
    port.name,
    port.mac,
    port.vni ?? "",
    port.ips.join(", "),
    port.state,
    port.owner,
    port.propolis_id,
  ]);

const countedRows = (ports: readonly CountedPort[]): Row[] =>
  ports.map(({ name, state, owner, stats }) => [
    name,
    state,
    owner,
    ...COLUMNS.map(([, statistic]) => stats?.[statistic]),
  ]);

const listCounted = (context: Context): Promise<void> =>
  context.list<CountedPort>(
    "/networking/ports?stats=true",
    ["NAME", "STATE", "OWNER", ...COLUMNS.map(([head]) => head)],
    countedRows,
    parseExact,
  );

export function portCommands(program: Command): void {
  const ports = program.command("ports").description("the driver's ports");
  const list = ports
    .command("list")
    .description("list them with their owners")
    .option("--stats", "what each counts (xde's kstats); with --json all of it");
  action<[{ stats?: boolean }]>(list, (context, { stats }) =>
    stats ? listCounted(context) : context.list<Port>("/networking/ports", HEAD, rowsOf),
  );
}
