/** The small types that messages are made of. */
import { ALL, vector } from "./vector.ts";

export const small = [
  vector("u64", ALL, "its greatest", 2n ** 64n - 1n, "ff*9 01"),
  vector("i32", ALL, "a negative one", -22, "2b"),
  vector("Option<u32>", ALL, "nothing", null, "00"),
  vector("Option<u32>", ALL, "something", 9000, "01 a8 46"),
  vector("RangeInclusive<u16>", ALL, "both ends", { start: 1024, end: 65_535 }, "80 08  ff ff 03"),
  vector("Ipv4Addr", ALL, "four raw bytes", "192.0.2.200", "c0 00 02 c8"),
  vector("Ipv6Addr", ALL, "sixteen raw bytes", "2001:db8::1:0:0:f", "2001 0db8 00*4 0001 00*4 000f"),
  vector("IpAddr", ALL, "IPv4", { Ip4: "10.9.8.7" }, "00  0a 09 08 07"),
  vector("IpAddr", ALL, "IPv6", { Ip6: "::" }, "01  00*16"),
  vector("Ipv4Cidr", ALL, "host bits and all", "10.1.2.3/8", "0a 01 02 03  08"),
  vector("Ipv4Cidr", ALL, "a prefix that no address has", "10.1.2.3/255", "0a 01 02 03  ff"),
  vector("Ipv6Cidr", ALL, "a prefix of one raw byte", "fd12::/48", "fd12 00*14  30"),
  vector("IpCidr", ALL, "IPv6", { Ip6: "::/0" }, "01  00*16  00"),
  vector("MacAddr", ALL, "six raw bytes", "02:08:20:ab:cd:0f", "02 08 20 ab cd 0f"),
  vector("Vni", ALL, "three raw bytes, the most significant first", 0x01_02_80, "01 02 80"),
  vector("Vni", ALL, "its greatest", 0xff_ff_ff, "ff ff ff"),
  vector(
    "Uuid",
    ALL,
    "a length, always 16, then the bytes",
    "6f0a2c1e-0000-4000-8000-0123456789ab",
    "10  6f 0a 2c 1e  00 00  40 00  80 00  01 23 45 67 89 ab",
  ),
  vector("Direction", ALL, "in is 0, not its discriminant 1", "In", "00"),
  vector("Direction", ALL, "out", "Out", "01"),
  vector("NoResp", ALL, "a success", { unused: 0n }, "00"),
  vector("MulticastUnderlay", ALL, "inside ff04::/16", "ff04:1::e", "ff04 0001 00*11 0e"),
  vector("Replication", ALL, "both", "Both", "02"),
  vector(
    "DomainName",
    ALL,
    "as typed, then as labels",
    { name: "vm.example", encoded: [2, 118, 109, 7, 101, 120, 97, 109, 112, 108, 101, 0] },
    `0a  76 6d 2e 65 78 61 6d 70 6c 65   # "vm.example"
     0c                                  # twelve bytes of labels
     02 76 6d                            # vm
     07 65 78 61 6d 70 6c 65             # example
     00                                  # the root`,
  ),
  vector("DomainName", ALL, "two forms that say different things", { name: "", encoded: [9, 9] }, "00  02 09 09"),
  vector(
    "DhcpCfg",
    ALL,
    "nothing set",
    { hostname: null, host_domain: null, domain_search_list: [], dns4_servers: [], dns6_servers: [] },
    "00 00 00 00 00",
  ),
  vector(
    "DhcpCfg",
    ALL,
    "everything set",
    {
      hostname: { name: "a", encoded: [1, 97, 0] },
      host_domain: { name: "b", encoded: [1, 98, 0] },
      domain_search_list: [{ name: "c", encoded: [1, 99, 0] }],
      dns4_servers: ["9.9.9.9", "1.1.1.1"],
      dns6_servers: ["2620:fe::fe"],
    },
    `01  01 61  03 01 61 00         # host name
     01  01 62  03 01 62 00         # its domain
     01  01 63  03 01 63 00         # one domain to search
     02  09 09 09 09  01 01 01 01   # two IPv4 servers, not sorted
     01  2620 00fe 00*11 fe         # one IPv6 server`,
  ),
];
