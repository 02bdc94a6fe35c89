/**
 * What the control plane tells of ports' networks beside multicast: external addresses, attached
 * subnets, firewall rules, routes, and where the addresses of each VPC live.
 */
import type { Cidr } from "../net/cidr.ts";
import type { Vni } from "../net/vni.ts";
import type { Virt2Phys } from "../opte/types.ts";
import type {
  AttachedSubnet,
  ExternalIp,
  GatewayMap,
  RouteSetState,
  RouteSetUpdate,
  VpcFirewallRule,
} from "../ports/spec.ts";
import type { Uuid } from "../uuid.ts";
import { bytesOfGateways, bytesOfList, bytesOfRoutes, bytesOfRules } from "./held-bytes.ts";
import type { Listed, Lists } from "./lists.ts";
import type { Operations } from "./operations.ts";
import type { Parts } from "./parts.ts";

export interface NetworkOperations {
  /** For the primary port. The same ephemeral address again changes nothing; another one is a conflict. */
  attachExternalIp(id: Uuid, ip: ExternalIp): Promise<void>;
  /** What is not attached is gone already. */
  detachExternalIp(id: Uuid, ip: ExternalIp): Promise<void>;
  /** Exactly these, on the primary port. */
  replaceAttachedSubnets(id: Uuid, subnets: readonly AttachedSubnet[]): Promise<void>;
  /** One that is attached already is a conflict (`subnet-attached`), as in the original. */
  attachSubnet(id: Uuid, subnet: AttachedSubnet): Promise<void>;
  detachSubnet(id: Uuid, subnet: Cidr): Promise<void>;
  /** For every port of the VPC that was made here. */
  setFirewallRules(vni: Vni, rules: readonly VpcFirewallRule[]): Promise<void>;
  /** Of the routers that ports here use, by (VNI, the VPC's own first, subnet). */
  listRoutes(): readonly RouteSetState[];
  /** Sets of routers that no port here uses are passed over, and so are versions that are not newer. */
  setRoutes(sets: readonly RouteSetUpdate[]): Promise<void>;
  /** All of them: NICs that are left out have none. */
  setGateways(gateways: GatewayMap): Promise<void>;
  listVirt2Phys(): Promise<Listed<Virt2Phys>>;
  setVirt2Phys(mapping: Virt2Phys): Promise<void>;
  /** By address and VNI: the driver does not compare the rest. */
  clearVirt2Phys(mapping: Virt2Phys): Promise<void>;
}

const fieldsOf = ({ vip, phys: { ether, ip, vni } }: Virt2Phys) => ({ vip, mac: ether, host: ip, vni });

export class Network implements NetworkOperations {
  readonly #parts: Pick<Parts, "driver" | "ports" | "vmms" | "log">;
  readonly #operations: Operations;
  readonly #lists: Lists;

  constructor(parts: Pick<Parts, "driver" | "ports" | "vmms" | "log">, operations: Operations, lists: Lists) {
    this.#parts = parts;
    this.#operations = operations;
    this.#lists = lists;
  }

  attachExternalIp(id: Uuid, ip: ExternalIp): Promise<void> {
    const { ports, vmms } = this.#parts;
    return this.#operations.asked("attach_external_ip", async () =>
      ports.externalIps.attach(vmms.primaryTicket(id), ip),
    );
  }

  detachExternalIp(id: Uuid, ip: ExternalIp): Promise<void> {
    const { ports, vmms } = this.#parts;
    return this.#operations.asked("detach_external_ip", async () =>
      ports.externalIps.detach(vmms.primaryTicket(id), ip),
    );
  }

  replaceAttachedSubnets(id: Uuid, subnets: readonly AttachedSubnet[]): Promise<void> {
    const { ports, vmms } = this.#parts;
    const replace = async () => ports.subnets.replace(vmms.primaryTicket(id), subnets);
    return this.#operations.asked("replace_subnets", replace, bytesOfList(subnets));
  }

  attachSubnet(id: Uuid, subnet: AttachedSubnet): Promise<void> {
    const { ports, vmms } = this.#parts;
    return this.#operations.asked("attach_subnet", async () => ports.subnets.attach(vmms.primaryTicket(id), subnet));
  }

  detachSubnet(id: Uuid, subnet: Cidr): Promise<void> {
    const { ports, vmms } = this.#parts;
    return this.#operations.asked("detach_subnet", async () => ports.subnets.detach(vmms.primaryTicket(id), subnet));
  }

  setFirewallRules(vni: Vni, rules: readonly VpcFirewallRule[]): Promise<void> {
    const { ports } = this.#parts;
    return this.#operations.asked("set_firewall", () => ports.setFirewall(vni, rules), bytesOfRules(rules));
  }

  listRoutes(): readonly RouteSetState[] {
    return this.#parts.ports.listRoutes();
  }

  setRoutes(sets: readonly RouteSetUpdate[]): Promise<void> {
    return this.#operations.asked("set_routes", () => this.#parts.ports.setRoutes(sets), bytesOfRoutes(sets));
  }

  setGateways(gateways: GatewayMap): Promise<void> {
    const set = () => this.#parts.ports.setGateways(gateways);
    return this.#operations.asked("set_gateways", set, bytesOfGateways(gateways));
  }

  listVirt2Phys(): Promise<Listed<Virt2Phys>> {
    return this.#lists.virt2Phys();
  }

  async setVirt2Phys(mapping: Virt2Phys): Promise<void> {
    await this.#operations.asked("set_v2p", () => this.#parts.driver.setVirt2Phys(mapping));
    this.#parts.log.info(fieldsOf(mapping), "V2P entry set");
  }

  async clearVirt2Phys(mapping: Virt2Phys): Promise<void> {
    await this.#operations.asked("clear_v2p", () => this.#parts.driver.clearVirt2Phys(mapping));
    this.#parts.log.info(fieldsOf(mapping), "V2P entry cleared");
  }
}
