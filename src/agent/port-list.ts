/** The driver's ports with what this agent knows of them. */
import type { Ip } from "../net/ip.ts";
import type { PortInfo, PortState, Virt2PhysNetwork } from "../opte/types.ts";
import type { Uuid } from "../uuid.ts";
import type { Parts } from "./parts.ts";

export interface PortSummary {
  readonly name: string;
  readonly mac: string;
  /** Undefined for a port of somebody else's whose addresses the driver does not map. */
  readonly vni: number | undefined;
  readonly ips: readonly Ip[];
  readonly state: PortState;
  readonly owner: "registered" | "adopted" | "foreign";
  readonly propolisId: Uuid | undefined;
}

/** The driver's list of ports lacks the VNI; the addresses of a port lead to it. */
function vniByAddress(networks: readonly Virt2PhysNetwork[]): Map<string, number> {
  const vnis = new Map<string, number>();
  for (const { vni, mappings } of networks) for (const [ip, { ether }] of mappings) vnis.set(`${ip} ${ether}`, vni);
  return vnis;
}

const ipsOf = ({ ip4, ip6 }: PortInfo): Ip[] => [ip4, ip6].filter((ip) => ip !== undefined);

export async function summarizePorts({ driver, ports: manager, vmms }: Parts): Promise<PortSummary[]> {
  const ports = await driver.listPorts();
  const vnis = vniByAddress(await driver.dumpVirt2Phys());
  return ports.map((port) => {
    const owner = vmms.ownerOf(port.name);
    const ips = ipsOf(port);
    const found = ips.map((ip) => vnis.get(`${ip} ${port.mac}`)).find((vni) => vni !== undefined);
    return {
      name: port.name,
      mac: port.mac,
      vni: manager.vniOf(port.name) ?? found,
      ips,
      state: port.state,
      owner: owner?.origin ?? (manager.isOurs(port.name) ? "registered" : "foreign"),
      propolisId: owner?.id,
    };
  });
}
