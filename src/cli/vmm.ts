/** `vmm`, `join`, `leave`: VMMs and their memberships. */
import type { Command } from "commander";
import { parseUuid } from "../uuid.ts";
import { AgentRefusal } from "./client.ts";
import { action } from "./context.ts";
import { formatSources, formatTable } from "./table.ts";

interface Vmm {
  readonly propolis_id: string;
  readonly instance_id?: string;
  readonly origin: string;
  readonly ports: readonly { readonly name: string; readonly primary: boolean }[];
  readonly state: string;
}

interface Membership {
  readonly group_ip: string;
  readonly sources: readonly string[];
  readonly state: string;
  readonly reason?: string;
}

const portList = ({ ports }: Vmm) => ports.map(({ name, primary }) => (primary ? `${name}*` : name)).join(", ");

function describe({ memberships, ...vmm }: Vmm & { readonly memberships: readonly Membership[] }): string {
  const facts = formatTable(
    ["PROPOLIS ID", "INSTANCE ID", "ORIGIN", "STATE", "PORTS (* primary)"],
    [[vmm.propolis_id, vmm.instance_id, vmm.origin, vmm.state, portList(vmm)]],
  );
  const rows = memberships.map((m) => [m.group_ip, formatSources(m.sources), m.state, m.reason]);
  return `${facts}\n${rows.length === 0 ? "no memberships\n" : formatTable(["GROUP", "SOURCES", "STATE", "REASON"], rows)}`;
}

export function vmmCommands(program: Command): void {
  const vmm = program.command("vmm").description("VMMs of this sled");
  action<[]>(vmm.command("list").description("list the VMMs"), (context) =>
    context.list<Vmm>("/vmms", ["PROPOLIS ID", "ORIGIN", "STATE", "PORTS (* primary)"], (items) =>
      items.map((one) => [one.propolis_id, one.origin, one.state, portList(one)]),
    ),
  );
  action<[string]>(vmm.command("show <propolis-id>").description("a VMM and its memberships"), async (context, id) => {
    const memberships = (await context.client.call(
      "GET",
      `/vmms/${encodeURIComponent(id)}/multicast-group`,
    )) as Membership[];
    const all = (await context.client.call("GET", "/vmms")) as Vmm[];
    const found = all.find((one) => one.propolis_id === parseUuid(id));
    if (found === undefined) throw new AgentRefusal(`no VMM ${id} on this sled`);
    context.print({ ...found, memberships }, describe);
  });
  const adopt = vmm
    .command("adopt <propolis-id> <port...>")
    .description("take ports that exist in the driver as a VMM's own")
    .option("--primary <port>", "the port that memberships are for (default: the first)");
  action<[string, string[], { primary?: string }]>(adopt, async (context, id, ports, { primary }) => {
    const body = { ports, primary: primary ?? ports[0] };
    await context.client.call("PUT", `/vmms/${encodeURIComponent(id)}/ports`, body);
  });
  const unregister = vmm
    .command("unregister <propolis-id>")
    .description("forget a VMM and delete the ports made for it");
  action<[string]>(unregister, async (context, id) => {
    const answer = (await context.client.call("DELETE", `/vmms/${encodeURIComponent(id)}`)) as {
      updated_runtime: unknown;
    };
    context.print(answer, ({ updated_runtime: runtime }) =>
      runtime === null ? `no VMM ${id} on this sled\n` : `VMM ${id} unregistered\n`,
    );
  });
  const join = program
    .command("join <propolis-id> <group> [source...]")
    .description("join a VMM to a group; no source: any source");
  action<[string, string, string[]]>(join, async (context, id, group, sources) => {
    await context.client.call("PUT", `/vmms/${encodeURIComponent(id)}/multicast-group`, { group_ip: group, sources });
  });
  action<[string, string]>(
    program.command("leave <propolis-id> <group>").description("end a membership"),
    async (context, id, group) => {
      await context.client.call("DELETE", `/vmms/${encodeURIComponent(id)}/multicast-group`, {
        group_ip: group,
        sources: [],
      });
    },
  );
}
