/** Tables as opteadm prints them, written out from its layouts (opte and oxide-vpc `print.rs`). */
import { describe, expect, it } from "vitest";
import type { FlowEntry, TcpFlow } from "../../src/opte/layers.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { cidr, ip, ipv6, vniOf } from "../net/make.ts";
import { port, V4_ONLY } from "../opte/kit.ts";
import { BOLD, Direct, RULE } from "./kit.ts";

const flows: FlowEntry[] = [
  {
    flow: {
      protocol: 6,
      source: ip("10.0.0.5"),
      destination: ip("93.184.216.34"),
      ports: { source: 44490, destination: 80 },
    },
    hits: 18446744073709551615n,
    summary: "no-op",
  },
  {
    flow: { protocol: 58, source: ip("2001:0:0:1::"), destination: ip("fd00::1"), icmp: { type: 128, code: 0, id: 7 } },
    hits: 1n,
    summary: "NAT",
  },
  { flow: { protocol: 47, source: ip("10.0.0.5"), destination: ip("10.0.0.6") }, hits: 0n, summary: "" },
];

const FLOW_ROWS = [
  "TCP      10.0.0.5         44490      93.184.216.34  80     18446744073709551615  no-op",
  "ICMPv6   2001::1:0:0:0:0  0x80/0x00  fd00::1        7      1                     NAT",
  "Unknown  10.0.0.5         N/A        10.0.0.6       N/A    0                     ",
];

it("a port's layers", async () => {
  const model = new DriverModel();
  await model.call("CreateXde", port(0, { ipCfg: V4_ONLY(0) }));
  expect(await new Direct({ model }).run("list-layers", "-p", "opte0")).toBe(
    [
      "NAME      RULES IN  RULES OUT  DEF IN  DEF OUT         FLOWS",
      "gateway   2         5          deny    deny            0",
      "firewall  0         0          deny    stateful allow  0",
      "router    0         1          allow   deny            0",
      "nat       0         1          allow   allow           0",
      "overlay   2         1          deny    deny            0",
      "",
    ].join("\n"),
  );
});

describe("a layer", () => {
  it("with flows and rules of several predicates", async () => {
    const rule = {
      id: 12n,
      hits: 3n,
      priority: 10,
      predicates: ["inner.ip.proto=TCP", "inner.ulp.dst∈(80..=82)"],
      dataPredicates: ["dhcp.msg_type=Discover"],
      action: "Stateful Allow",
    };
    const bare = { id: 2n, hits: 0n, priority: 65535, predicates: [], dataPredicates: [], action: 'say "no"\\' };
    const layer = {
      name: "firewall",
      in: { rules: [rule, bare], default: "deny", defaultHits: 5n, flows },
      out: { rules: [], default: "stateful allow", defaultHits: 0n, flows: [] },
    };
    const direct = new Direct({ replies: { DumpLayer: layer } });
    expect((await direct.run("dump-layer", "-p", "opte0", "firewall")).split("\n")).toEqual([
      "Port opte0 - Layer firewall",
      BOLD,
      "Inbound Flows",
      RULE,
      "PROTO    SRC IP           SPORT/TY   DST IP         DPORT  HITS                  ACTION",
      ...FLOW_ROWS,
      "",
      "Outbound Flows",
      RULE,
      "PROTO  SRC IP  SPORT/TY  DST IP  DPORT  HITS  ACTION",
      "",
      "Inbound Rules",
      RULE,
      "ID   PRI    HITS  PREDICATES               ACTION",
      '12   10     3     inner.ip.proto=TCP       "Stateful Allow"',
      "                  inner.ulp.dst∈(80..=82)  ",
      "                  dhcp.msg_type=Discover   ",
      "                                           ",
      '2    65535  0     *                        "say \\"no\\"\\\\"',
      'DEF  --     5     --                       "deny"',
      "",
      "Outbound Rules",
      RULE,
      "ID   PRI  HITS  PREDICATES  ACTION",
      'DEF  --   0     --          "stateful allow"',
      "",
      "",
    ]);
  });

  it("as JSON has its numbers of 64 bits to the digit", async () => {
    const side = { rules: [], default: "deny", defaultHits: 18446744073709551615n, flows: [] };
    const direct = new Direct({ replies: { DumpLayer: { name: "nat", in: side, out: side } } });
    const json = await direct.run("--json", "dump-layer", "-p", "opte0", "nat");
    expect(json).toContain('"defaultHits": 18446744073709551615,');
    expect(JSON.parse(json)).toMatchObject({ name: "nat", in: { default: "deny", rules: [] } });
  });
});

it("the established flows of a port", async () => {
  const uft = { in: { limit: 524288, count: 3, flows }, out: { limit: 524288, count: 0, flows: [] } };
  const direct = new Direct({ replies: { DumpUft: uft } });
  expect((await direct.run("dump-uft", "-p", "opte0")).split("\n")).toEqual([
    "UFT Inbound: 3/524288",
    RULE,
    "PROTO    SRC IP           SPORT/TY   DST IP         DPORT  HITS                  XFORMS",
    ...FLOW_ROWS,
    "",
    "UFT Outbound: 0/524288",
    RULE,
    "PROTO  SRC IP  SPORT/TY  DST IP  DPORT  HITS  XFORMS",
    "",
  ]);
});

it("a port's TCP connections", async () => {
  const tcp: Omit<TcpFlow, "flow"> = {
    hits: 9n,
    inbound: undefined,
    state: "fin-wait-1",
    guestSeq: 1,
    guestAck: undefined,
    remoteSeq: undefined,
    remoteAck: undefined,
    segmentsIn: 1n,
    segmentsOut: 2n,
    bytesIn: 1000000n,
    bytesOut: 4n,
  };
  const table = flows.map(({ flow }) => ({ ...tcp, flow }));
  const direct = new Direct({ replies: { DumpTcpFlows: table } });
  expect((await direct.run("dump-tcp-flows", "-p", "opte0")).split("\n")).toEqual([
    "FLOW                                    STATE       HITS  SEGS IN  SEGS OUT  BYTES IN  BYTES OUT",
    "TCP:10.0.0.5:44490:93.184.216.34:80     FIN_WAIT_1  9     1        2         1000000   4",
    "ICMPv6/128/0:2001::1:0:0:0:0:fd00::1:7  FIN_WAIT_1  9     1        2         1000000   4",
    "Unknown:10.0.0.5:10.0.0.6               FIN_WAIT_1  9     1        2         1000000   4",
    "",
  ]);
});

it("prefixes at the boundary, a line for each endpoint", async () => {
  const endpoint = (address: string) => ({ ip: ipv6(address), vni: vniOf(99) });
  const table = [
    { prefix: cidr("0.0.0.0/0"), endpoints: [endpoint("fd00::1"), endpoint("fd00:0:0:1::2")] },
    { prefix: cidr("2001:0:0:1::/64"), endpoints: [endpoint("fd00::1")] },
  ];
  const direct = new Direct({ replies: { DumpVirt2Boundary: table } });
  expect((await direct.run("dump-v2b")).split("\n")).toEqual([
    "Virtual to Boundary Mappings",
    BOLD,
    "",
    "IPv4 mappings",
    RULE,
    "TUNNELED PREFIX  BOUNDARY IP      VNI",
    "0.0.0.0/0        fd00::1          99",
    "0.0.0.0/0        fd00::1:0:0:0:2  99",
    "",
    "IPv6 mappings",
    RULE,
    "TUNNELED PREFIX     BOUNDARY IP  VNI",
    "2001::1:0:0:0:0/64  fd00::1      99",
    "",
    "",
  ]);
});
