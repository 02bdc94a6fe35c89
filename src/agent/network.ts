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
import type { Listed } from "./lists.ts";

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
