/** Firewall, routes, external addresses and the virtual-to-physical tables. */
import { ALL, vector, WITH_SUBNETS } from "./vector.ts";

const NET = "0a 00 00 00 08   # 10.0.0.0/8";
const GATEWAY = "6f0a2c1e-0000-4000-8000-0123456789ab";
const GATEWAY_BYTES = "10 6f0a2c1e 0000 4000 8000 0123456789ab";

const rules = [
  vector(
    "SetFwRulesReq",
    ALL,
    "a rule of every kind of filter",
    {
      port_name: "p",
      rules: [
        {
          direction: "In",
          filters: { hosts: "Any", protocol: "Tcp", ports: { PortList: [22, 443] } },
          action: "Allow",
          priority: 65_534,
        },
        {
          direction: "Out",
          filters: {
            hosts: { Subnet: { Ip4: "10.0.0.0/8" } },
            protocol: { Icmp: { ty: 8, codes: { start: 0, end: 3 } } },
            ports: "Any",
          },
          action: "Deny",
          priority: 1,
        },
        {
          direction: "In",
          filters: { hosts: { Ip: { Ip4: "10.0.0.1" } }, protocol: { Icmpv6: null }, ports: "Any" },
          action: "Allow",
          priority: 2,
        },
        {
          direction: "In",
          filters: { hosts: { Vni: 77 }, protocol: { Other: { Unknown: 132 } }, ports: { PortList: [] } },
          action: "Allow",
          priority: 3,
        },
      ],
    },
    `01 70  04                           # "p", four rules
     00  00  02  01 02 16 bb 03  00  fe ff 03   # in, any host, TCP, ports 22 and 443, allow, 65534
     01  01 00 ${NET}
         04 01 08 01 00 03  00  01  01   # ICMP type 8, codes 0 to 3; any port; deny; 1
     00  02 00 0a 00 00 01               # in, one address
         05 00  00  00  02               # any ICMPv6; any port; allow; 2
     00  03 00 00 4d                     # in, VNI 77
         06 05 84  01 00  00  03         # protocol 132, which OPTE has no name for; a list of no ports`,
  ),
  vector(
    "AddFwRuleReq",
    ALL,
    "a protocol by OPTE's own number",
    {
      port_name: "p",
      rule: {
        direction: "Out",
        filters: { hosts: "Any", protocol: { Other: "IGMP" }, ports: "Any" },
        action: "Deny",
        priority: 300,
      },
    },
    "01 70  01  00  06 01  00  01  ac 02",
  ),
  vector("RemFwRuleReq", ALL, "by its id", { port_name: "p", dir: "Out", id: 2n ** 63n }, "01 70  01  80*9 01"),
  vector("Protocol", ALL, "ICMPv6 is 4, not 58", "ICMPv6", "04"),
];

const route = (name: string, target: unknown, bytes: string) =>
  vector(
    "AddRouterEntryReq",
    ALL,
    name,
    { port_name: "p", dest: { Ip4: "10.0.0.0/8" }, target, class: "Custom" },
    `01 70
     00 ${NET}
     ${bytes}   # target
     01         # custom`,
  );

const routes = [
  route("to nowhere", "Drop", "00"),
  route("to any internet gateway", { InternetGateway: null }, "01 00"),
  route("to one internet gateway", { InternetGateway: GATEWAY }, `01 01 ${GATEWAY_BYTES}`),
  route("to an address", { Ip: { Ip4: "10.0.0.9" } }, "02 00 0a 00 00 09"),
  route("to a subnet", { VpcSubnet: { Ip6: "fd12::/64" } }, "03 01 fd12 00*14 40"),
  vector("DelRouterEntryResp", ALL, "nothing was there", "NotFound", "01"),
];

const addresses = [
  vector(
    "SetExternalIpsReq",
    ALL,
    "no family and no gateways",
    { port_name: "p", external_ips_v4: null, external_ips_v6: null, inet_gw_map: null },
    "01 70  00 00 00",
  ),
  vector(
    "SetExternalIpsReq",
    ALL,
    "IPv4 with everything",
    {
      port_name: "p",
      external_ips_v4: {
        snat: { external_ip: "192.0.2.1", ports: { start: 16_384, end: 32_767 } },
        ephemeral_ip: "192.0.2.2",
        floating_ips: ["192.0.2.3", "192.0.2.3"],
      },
      external_ips_v6: null,
      inet_gw_map: [
        [{ Ip4: "192.0.2.1" }, [GATEWAY]],
        [{ Ip6: "::" }, []],
      ],
    },
    `01 70
     01  01 c0 00 02 01  80 80 01  ff ff 01   # source NAT, ports 16384 to 32767
         01 c0 00 02 02                       # ephemeral address
         02 c0 00 02 03  c0 00 02 03          # floating addresses: a list, not a set
     00                                       # no IPv6
     01  02                                   # gateways of two addresses
         00 c0 00 02 01  01 ${GATEWAY_BYTES}
         01 00*16        00`,
  ),
  vector(
    "AllowCidrReq",
    ALL,
    "in",
    { port_name: "p", cidr: { Ip4: "10.0.0.0/8" }, dir: "In" },
    `01 70  00 0a 00 00 00 08  00`,
  ),
  vector("RemoveCidrResp", ALL, "what was removed", { Ok: { Ip4: "10.0.0.0/8" } }, `00 00 ${NET}`),
  vector("RemoveCidrResp", ALL, "nothing was there", "NotFound", "01"),
  vector(
    "AttachSubnetReq",
    WITH_SUBNETS,
    "an external one",
    { port_name: "p", cidr: { Ip4: "10.0.0.0/8" }, cfg: { is_external: true } },
    "01 70  00 0a 00 00 00 08  01",
  ),
  vector(
    "DetachSubnetReq",
    WITH_SUBNETS,
    "by its network",
    { port_name: "p", cidr: { Ip4: "10.0.0.0/8" } },
    `01 70  00 ${NET}`,
  ),
];

const PHYS = "02 08 20 00 00 01  fd00 00*13 01";
const tables = [
  vector(
    "SetVirt2PhysReq",
    ALL,
    "MAC, address and VNI of who has it",
    { vip: { Ip4: "10.0.0.5" }, phys: { ether: "02:08:20:00:00:01", ip: "fd00::1", vni: 100 } },
    `00 0a 00 00 05  ${PHYS}  00 00 64`,
  ),
  vector(
    "DumpVirt2PhysResp",
    ALL,
    "a network with a mapping and one without",
    {
      mappings: [
        { vni: 100, ip4: [["10.0.0.5", { ether: "02:08:20:00:00:01", ip: "fd00::1" }]], ip6: [] },
        { vni: 101, ip4: [], ip6: [] },
      ],
    },
    `02
     00 00 64  01 0a 00 00 05 ${PHYS}  00
     00 00 65  00 00`,
  ),
  vector(
    "SetVirt2BoundaryReq",
    ALL,
    "tunnel endpoints in a list",
    { vip: { Ip6: "::/0" }, tep: [{ ip: "fd00::1", vni: 99 }] },
    `01 00*16 00  01 fd00 00*13 01  00 00 63`,
  ),
  vector(
    "DumpVirt2BoundaryResp",
    ALL,
    "tunnel endpoints in a set",
    {
      mappings: {
        ip4: [
          [
            "0.0.0.0/0",
            [
              { ip: "fd00::1", vni: 98 },
              { ip: "fd00::1", vni: 99 },
            ],
          ],
        ],
        ip6: [],
      },
    },
    `01 00*4 00  02 fd00 00*13 01  00 00 62  fd00 00*13 01  00 00 63
     00`,
  ),
];

export const network = [...rules, ...routes, ...addresses, ...tables];
