/** The network endpoints with a body of each that is right, to be changed where a test needs it. */
import { nic, PROPOLIS } from "../harness/registration.ts";

export const EXTERNAL_IP = `/vmms/${PROPOLIS}/external-ip`;
export const SUBNETS = `/vmms/${PROPOLIS}/attached-subnets`;
export const SUBNET = `${SUBNETS}/10.7.0.0%2F24`;
export const VPC = "99999999-0000-4000-8000-000000000001";
export const FIREWALL = `/vpc/${VPC}/firewall/rules`;
export const ROUTES = "/vpc-routes";
export const V2P = "/v2p";
export const GATEWAYS = "/eip-gateways";

export const ROUTER = "77777777-0000-4000-8000-000000000001";
export const GATEWAY = "88888888-0000-4000-8000-000000000001";
export const NIC = nic().id;

export const externalIp = { type: "ephemeral", value: "192.0.2.9" };
export const subnet = { subnet: "10.7.0.0/24", kind: "vpc" };
export const subnets = { subnets: [subnet, { subnet: "2001:db8::/56", kind: "external" }] };

export const rules = {
  vni: 100,
  rules: [
    {
      status: "enabled",
      direction: "inbound",
      targets: [nic()],
      filter_hosts: [
        { type: "ip", value: "10.0.0.0/8" },
        { type: "vpc", value: 200 },
      ],
      filter_ports: ["22", "8000-8010"],
      filter_protocols: [{ type: "tcp" }, { type: "icmp", value: { icmp_type: 3, code: "0-9" } }],
      action: "allow",
      priority: 65_535,
    },
  ],
};

export function routeSet(change: object = {}) {
  return {
    id: { kind: { type: "system" }, vni: 100 },
    version: { router_id: ROUTER, version: 7 },
    routes: [
      { dest: "0.0.0.0/0", target: { type: "internet_gateway", value: { type: "instance", value: GATEWAY } } },
      { dest: "10.1.0.0/16", target: { type: "ip", value: "10.0.0.9" } },
    ],
    ...change,
  };
}

export function virtualNic(change: object = {}) {
  return {
    physical_host_ip: "fd00::aa",
    virtual_ip: "10.0.0.5",
    virtual_mac: "a8:40:25:00:00:01",
    vni: 100,
    ...change,
  };
}

export const gateways = { mappings: { [NIC]: { "192.0.2.9": [GATEWAY] } } };

/** Every change that has a body. */
export const CHANGES = [
  ["PUT", EXTERNAL_IP, externalIp],
  ["DELETE", EXTERNAL_IP, externalIp],
  ["PUT", SUBNETS, subnets],
  ["POST", SUBNETS, subnet],
  ["PUT", FIREWALL, rules],
  ["PUT", ROUTES, [routeSet()]],
  ["PUT", V2P, virtualNic()],
  ["DELETE", V2P, virtualNic()],
  ["PUT", GATEWAYS, gateways],
] as const;
