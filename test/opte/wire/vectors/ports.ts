/** Making ports and listing them. CreateXdeReq has a layout of its own in 38, in 39 and 40, and in 41. */
import { ALL, vector, WITH_SUBNETS } from "./vector.ts";

const GUEST = "02 08 20 00 00 01";
const GATEWAY = "a8 40 25 ff 77 77";
const NO_DHCP = { hostname: null, host_domain: null, domain_search_list: [], dns4_servers: [], dns6_servers: [] };
const NO_EXTERNAL = { snat: null, ephemeral_ip: null, floating_ips: [] };
const V4 = {
  vpc_subnet: "172.30.0.0/22",
  private_ip: "172.30.0.5",
  gateway_ip: "172.30.0.1",
  external_ips: NO_EXTERNAL,
};
const V4_BYTES = `
  ac 1e 00 00  16   # subnet
  ac 1e 00 05       # own address
  ac 1e 00 01       # gateway
  00 00 00          # no external addresses`;
const V6 = {
  vpc_subnet: "fd12::/64",
  private_ip: "fd12::5",
  gateway_ip: "fd12::1",
  external_ips: {
    snat: { external_ip: "2001:db8::1", ports: { start: 0, end: 16_383 } },
    ephemeral_ip: "2001:db8::2",
    floating_ips: ["2001:db8::3"],
  },
};
const V6_BYTES = `
  fd12 00*14  40                  # subnet
  fd12 00*13 05                   # own address
  fd12 00*13 01                   # gateway
  01 2001 0db8 00*11 01 00 ff 7f  # source NAT, ports 0 to 16383
  01 2001 0db8 00*11 02           # ephemeral address
  01 2001 0db8 00*11 03           # one floating address`;
const IDENTITY = { guest_mac: "02:08:20:00:00:01", gateway_mac: "a8:40:25:ff:77:77", vni: 4096, phys_ip: "fd00::1" };
const IDENTITY_BYTES = `
  ${GUEST}          # the guest's MAC
  ${GATEWAY}        # the gateway's
  00 10 00          # VNI 4096
  fd00 00*13 01     # the sled`;
const NO_SUBNETS = { attached_subnets: [], transit_ips: [] };
const V4_SUBNETS = {
  attached_subnets: [
    ["10.0.0.0/8", { is_external: false }],
    ["10.0.0.0/9", { is_external: true }],
  ],
  transit_ips: [["0.0.0.0/0", { allow_in: true, allow_out: false }]],
};
const V4_SUBNETS_BYTES = `
  02  0a 00 00 00 08  00   # attached: 10.0.0.0/8, not external
      0a 00 00 00 09  01   # and 10.0.0.0/9, external
  01  00 00 00 00 00  01 00   # transit: any address, in and not out`;
const NAME = "05 6f 70 74 65 37   # opte7";

const created38 = vector(
  "CreateXdeReq",
  [38],
  "no subnets, DHCP behind the configuration",
  { linkid: 300, xde_devname: "opte7", cfg: { ip_cfg: { Ipv4: V4 }, ...IDENTITY }, dhcp: NO_DHCP, passthrough: false },
  `ac 02   # link 300
   ${NAME}
   00      # IPv4 alone
   ${V4_BYTES}
   ${IDENTITY_BYTES}
   00 00 00 00 00   # DHCP
   00               # no passthrough`,
);

const created39 = vector(
  "CreateXdeReq",
  [39, 40],
  "with subnets and transit addresses",
  {
    linkid: 300,
    xde_devname: "opte7",
    cfg: { ip_cfg: { Ipv4: { ...V4, ...V4_SUBNETS } }, ...IDENTITY, dhcp: NO_DHCP },
    passthrough: true,
  },
  `ac 02   # link 300
   ${NAME}
   00      # IPv4 alone
   ${V4_BYTES}
   ${V4_SUBNETS_BYTES}
   ${IDENTITY_BYTES}
   00 00 00 00 00   # DHCP
   01               # passthrough`,
);

const CFG41 = {
  ip_cfg: { DualStack: { ipv4: { ...V4, ...NO_SUBNETS }, ipv6: { ...V6, ...NO_SUBNETS } } },
  ...IDENTITY,
  dhcp: { ...NO_DHCP, hostname: { name: "a", encoded: [1, 97, 0] } },
};
const CFG41_BYTES = `
  02      # both families
  ${V4_BYTES}
  00 00   # no subnets, no transit addresses
  ${V6_BYTES}
  00 00
  ${IDENTITY_BYTES}
  01  01 61  03 01 61 00  00 00 00 00   # DHCP with a host name`;

const created41 = [
  vector(
    "CreateXdeReq",
    [41],
    "an MTU in the place of passthrough",
    { linkid: 1, xde_devname: "opte7", cfg: CFG41, mtu: 8500 },
    `01 ${NAME}
     ${CFG41_BYTES}
     01 b4 42   # MTU 8500`,
  ),
  vector(
    "CreateXdeReq",
    [41],
    "without an MTU it ends as 40 does without passthrough",
    { linkid: 1, xde_devname: "opte7", cfg: CFG41, mtu: null },
    `01 ${NAME}
     ${CFG41_BYTES}
     00`,
  ),
];

const vpcs = [
  vector("VpcCfg", WITH_SUBNETS, "both families", CFG41, CFG41_BYTES),
  vector(
    "VpcCfg",
    WITH_SUBNETS,
    "IPv6 alone",
    { ip_cfg: { Ipv6: { ...V6, ...NO_SUBNETS } }, ...IDENTITY, dhcp: NO_DHCP },
    `01 ${V6_BYTES}
     00 00
     ${IDENTITY_BYTES}
     00 00 00 00 00`,
  ),
];

const SIMPLE = [
  vector("DeleteXdeReq", ALL, "a name", { xde_devname: "opte7" }, NAME),
  vector("SetXdeUnderlayReq", ALL, "two names", { u1: "a0", u2: "b1" }, "02 61 30  02 62 31"),
  vector("ClearUftReq", ALL, "a port's name", { port_name: "opte7" }, NAME),
  vector("DumpLayerReq", ALL, "a port and a layer", { port_name: "p", name: "nat" }, "01 70  03 6e 61 74"),
  vector("ClearLftReq", ALL, "a port and a layer", { port_name: "p", layer_name: "nat" }, "01 70  03 6e 61 74"),
];

const listed = [
  vector("ListPortsResp", ALL, "no ports", { ports: [] }, "00"),
  vector(
    "ListPortsResp",
    ALL,
    "a port of each kind",
    {
      ports: [
        {
          name: "p",
          mac_addr: "02:08:20:00:00:01",
          ip4_addr: "172.30.0.5",
          ephemeral_ip4_addr: "192.0.2.1",
          floating_ip4_addrs: [],
          ip6_addr: null,
          ephemeral_ip6_addr: null,
          floating_ip6_addrs: null,
          state: "running",
        },
        {
          name: "",
          mac_addr: "02:08:20:00:00:01",
          ip4_addr: null,
          ephemeral_ip4_addr: null,
          floating_ip4_addrs: null,
          ip6_addr: "fd12::5",
          ephemeral_ip6_addr: null,
          floating_ip6_addrs: ["2001:db8::3"],
          state: "",
        },
      ],
    },
    `02
     01 70  ${GUEST}          # "p"
     01 ac 1e 00 05           # IPv4
     01 c0 00 02 01           # ephemeral
     01 00                    # floating: a list of none
     00 00 00                 # nothing of IPv6
     07 72 75 6e 6e 69 6e 67  # "running"
     00     ${GUEST}          # a port without a name
     00 00 00
     01 fd12 00*13 05
     00
     01 01 2001 0db8 00*11 03
     00                       # and without a state`,
  ),
];

export const ports = [created38, created39, ...created41, ...vpcs, ...SIMPLE, ...listed];
