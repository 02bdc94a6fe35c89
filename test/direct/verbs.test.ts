/** What each verb makes of its arguments, and which it refuses. opteadm's (opteadm.rs, oxide-vpc api.rs) is the measure. */
import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { isKind } from "../../src/error.ts";
import { ILLUMOS_ERRNO } from "../../src/opte/error.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { port } from "../opte/kit.ts";
import { Direct } from "./kit.ts";

const ID = "11111111-2222-4333-8444-555555555555";

async function withPort(input = ""): Promise<Direct> {
  const model = new DriverModel({ portsStart: "running" });
  await model.call("CreateXde", port(0));
  return new Direct({ model, input });
}

/** Such a command line ends with status 2. */
const isUsage = (error: unknown) => error instanceof CommanderError || isKind(error, "bad-request");

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}

it("there is every verb of opteadm, by its name", () => {
  const opteadm = [
    "list-ports list-layers dump-layer clear-uft clear-lft dump-uft dump-tcp-flows dump-v2p dump-v2b add-fw-rule",
    "rm-fw-rule set-fw-rules create-xde delete-xde set-xde-underlay clear-xde-underlay set-v2p clear-v2p set-v2b",
    "clear-v2b set-m2p clear-m2p set-mcast-fwd clear-mcast-fwd dump-mcast-fwd dump-mcast-subs dump-m2p mcast-subscribe",
    "mcast-unsubscribe mcast-unsubscribe-all add-router-entry del-router-entry set-external-ips allow-cidr remove-cidr",
    "attach-subnet detach-subnet",
  ];
  expect(new Direct().verbs.sort()).toEqual(opteadm.join(" ").split(" ").sort());
});

it.each([
  [["set-m2p", "nonsense", "ff04::1"], "nonsense"],
  [["set-mcast-fwd", "ff04::1", "fd00::9", "reserved"], "reserved"],
  [["mcast-subscribe", "239.1.1.1"], "--port"],
  [["mcast-subscribe", "-p", "", "239.1.1.1"], "--port"],
  [["set-xde-underlay", "", "net1"], "u1"],
  [["set-v2p", "10.0.0.1", "a8:40:25:0:0:1", "fd00::1", "16777216"], "24 bits"],
])("a bad argument is named and reaches no driver: %j", async (args, named) => {
  const direct = new Direct();
  const error = await errorOf(direct.run(...args));
  expect(error).toSatisfy(isUsage);
  expect(error.message).toContain(named);
  expect(direct.sent).toEqual([]);
});

describe("a firewall rule", () => {
  const ruleOf = async (hosts: string, protocol: string, ports: string, dir = "in", action = "allow") => {
    const direct = await withPort();
    const options = ["--dir", dir, "--hosts", hosts, "--protocol", protocol, "--ports", ports, "--action", action];
    return direct.requestOf("add-fw-rule", "-p", "opte0", ...options, "--priority", "65535");
  };

  it.each([
    ["any", { type: "any" }],
    ["ANY", { type: "any" }],
    ["ip=10.0.0.1", { type: "ip", ip: "10.0.0.1" }],
    ["IP=FD00::1", { type: "ip", ip: "fd00::1" }],
    ["subnet=10.0.0.9/24", { type: "subnet", cidr: "10.0.0.0/24" }],
    ["subnet=fd00::1/8", { type: "subnet", cidr: "fd00::/8" }],
    ["vni=77", { type: "vni", vni: 77 }],
  ])("names its hosts: %s", async (text, hosts) => {
    expect(await ruleOf(text, "any", "any")).toMatchObject({ rule: { hosts } });
  });

  it.each([
    ["tcp", { type: "tcp" }],
    ["UDP", { type: "udp" }],
    ["arp", { type: "arp" }],
    ["icmp", { type: "icmp", filter: undefined }],
    ["icmp6", { type: "icmpv6", filter: undefined }],
    ["icmp:8", { type: "icmp", filter: { type: 8, codes: undefined } }],
    ["icmp:3,4", { type: "icmp", filter: { type: 3, codes: { start: 4, end: 4 } } }],
    ["Icmp6:255,0-255", { type: "icmpv6", filter: { type: 255, codes: { start: 0, end: 255 } } }],
  ])("names its protocol: %s", async (text, protocol) => {
    expect(await ruleOf("any", text, "any")).toMatchObject({ rule: { protocol } });
  });

  it("names its ports, direction, action and priority", async () => {
    const rule = { ports: [22, 443], direction: "out", action: "deny", priority: 65535 };
    expect(await ruleOf("any", "any", "22,443", "OUT", "Deny")).toMatchObject({ port: "opte0", rule });
    expect(await ruleOf("any", "any", "Any,")).toMatchObject({ rule: { ports: "any" } });
  });

  it.each([
    ["hosts", ["10.0.0.1", "any", "any"]],
    ["hosts", ["ip", "any", "any"]],
    ["hosts", ["any=1", "any", "any"]],
    ["hosts", ["vni=16777216", "any", "any"]],
    ["hosts", ["subnet=10.0.0.0", "any", "any"]],
    ["protocol", ["any", "sctp", "any"]],
    ["protocol", ["any", "tcp:1", "any"]],
    ["protocol", ["any", "icmp:256", "any"]],
    ["protocol", ["any", "icmp:1,2-", "any"]],
    ["ports", ["any", "any", "0"]],
    ["ports", ["any", "any", "22,"]],
    ["ports", ["any", "any", "65536"]],
    ["dir", ["any", "any", "any", "both"]],
    ["action", ["any", "any", "any", "in", "drop"]],
  ] as const)("is refused with the name of what is wrong: %s in %j", async (option, [hosts, ...rest]) => {
    const error = await errorOf(ruleOf(hosts, ...(rest as [string, string])));
    expect(error).toSatisfy(isUsage);
    expect(error.message).toContain(`--${option}`);
  });

  it("is removed by direction and id", async () => {
    const direct = await withPort();
    await direct.run("set-fw-rules", "-p", "opte0");
    const missing = errorOf(direct.run("rm-fw-rule", "-p", "opte0", "--dir", "in", "18446744073709551615"));
    expect((await missing).message).toContain("RuleNotFound: 18446744073709551615");
    const wide = errorOf(direct.run("rm-fw-rule", "-p", "opte0", "--dir", "in", "18446744073709551616"));
    expect(await wide).toSatisfy(isUsage);
  });
});

describe("rules on standard input", () => {
  const rulesOf = async (input: string) => {
    const direct = await withPort(input);
    await direct.run("set-fw-rules", "-p", "opte0");
    return direct.model.tables.ports[0]?.firewall;
  };

  it("are one a line, in any order of keys; what is left out is any", async () => {
    const lines = [
      "dir=in action=allow priority=1",
      "PRIORITY=2 protocol=icmp:3,1-2 HOSTS=ip=10.0.0.1 port=22,23 action=deny dir=OUT",
    ];
    expect(await rulesOf(lines.join("\r\n"))).toEqual([
      {
        direction: "in",
        action: "allow",
        priority: 1,
        hosts: { type: "any" },
        protocol: { type: "any" },
        ports: "any",
      },
      {
        direction: "out",
        action: "deny",
        priority: 2,
        hosts: { type: "ip", ip: "10.0.0.1" },
        protocol: { type: "icmp", filter: { type: 3, codes: { start: 1, end: 2 } } },
        ports: [22, 23],
      },
    ]);
  });

  it("take the place of those that were there; none takes all away", async () => {
    const direct = await withPort("dir=in action=allow priority=1\n");
    await direct.run("set-fw-rules", "-p", "opte0");
    await direct.run("set-fw-rules", "-p", "opte0");
    expect(direct.model.tables.ports[0]?.firewall).toHaveLength(1);
    expect(await rulesOf("")).toEqual([]);
  });

  it.each([
    ["dir=in action=allow priority=1\n\n", "line 2"],
    ["dir=in  action=allow priority=1", "KEY=VALUE"],
    ["dir=in action=allow", "priority=…"],
    ["action=allow priority=1", "dir=…"],
    ["dir=in priority=1", "action=…"],
    ["dir=in action=allow priority=1 ports=22", "ports"],
    ["dir=in action=allow priority=65536", "65536"],
    ["dir=in action=allow priority=1\ndir=in action=allow priority=2 hosts=me", "line 2"],
  ])("are refused as a whole: %j", async (input, named) => {
    const direct = await withPort(input);
    const error = await errorOf(direct.run("set-fw-rules", "-p", "opte0"));
    expect(error).toSatisfy(isUsage);
    expect(error.message).toContain(named);
    expect(direct.sent).toEqual([]);
  });
});

describe("a route", () => {
  it.each([
    ["drop", { type: "drop" }],
    ["IG", { type: "internet-gateway", id: undefined }],
    [`ig=${ID.toUpperCase()}`, { type: "internet-gateway", id: ID }],
    ["ip4=10.0.0.1", { type: "ip", ip: "10.0.0.1" }],
    ["ip6=fd00::1", { type: "ip", ip: "fd00::1" }],
    ["sub4=10.0.0.1/8", { type: "vpc-subnet", cidr: "10.0.0.0/8" }],
    ["sub6=fd00::1/8", { type: "vpc-subnet", cidr: "fd00::/8" }],
  ])("goes to %s", async (text, target) => {
    const direct = new Direct({ replies: { AddRouterEntry: undefined } });
    const request = await direct.requestOf("add-router-entry", "-p", "opte0", "10.0.0.9/8", text, "Custom");
    expect(request).toEqual({ port: "opte0", dest: "10.0.0.0/8", target, class: "custom" });
  });

  it.each([
    ["10.0.0.0", "drop", "system"],
    ["10.0.0.0/33", "drop", "system"],
    ["10.0.0.0/8", "nowhere", "system"],
    ["10.0.0.0/8", "drop=1", "system"],
    ["10.0.0.0/8", "ip4", "system"],
    ["10.0.0.0/8", "ip4=fd00::1", "system"],
    ["10.0.0.0/8", "sub6=10.0.0.0/8", "system"],
    ["10.0.0.0/8", "ig=1", "system"],
    ["10.0.0.0/8", "toString=1", "system"],
    ["10.0.0.0/8", "drop", "mine"],
  ])("is refused before it reaches the driver: %s %s %s", async (...entry) => {
    const direct = await withPort();
    expect(await errorOf(direct.run("add-router-entry", "-p", "opte0", ...entry))).toSatisfy(isUsage);
    expect(direct.sent).toEqual([]);
  });

  it("that is not there cannot be removed", async () => {
    const direct = await withPort();
    const entry = ["-p", "opte0", "10.0.0.0/8", "drop", "system"];
    await direct.run("add-router-entry", ...entry);
    await direct.run("del-router-entry", ...entry);
    const error = await errorOf(direct.run("del-router-entry", ...entry));
    expect(error).toMatchObject({ kind: "not-found", message: expect.stringContaining("10.0.0.0/8") });
  });
});

describe("a network of a port", () => {
  const transit = (direct: Direct) => direct.model.tables.ports[0]?.transitIps;

  it("is allowed and removed in both directions, or in the one that is named", async () => {
    const direct = await withPort();
    await direct.run("allow-cidr", "-p", "opte0", "10.9.0.1/16");
    expect(transit(direct)).toEqual([["10.9.0.0/16", { allowIn: true, allowOut: true }]]);
    await direct.run("remove-cidr", "-p", "opte0", "--dir", "IN", "10.9.0.0/16");
    expect(transit(direct)).toEqual([["10.9.0.0/16", { allowIn: false, allowOut: true }]]);
    await direct.run("remove-cidr", "-p", "opte0", "10.9.0.0/16", "--dir", "out");
    expect(transit(direct)).toEqual([]);
  });

  const failing = (direct: Direct, command: "AllowCidr" | "RemoveCidr", times = 1) =>
    direct.model.faults.inject({ command, when: "before", skip: 1, times, error: () => new Error("no more") });

  it("is not allowed in one direction where the other fails", async () => {
    const direct = await withPort();
    failing(direct, "AllowCidr");
    expect((await errorOf(direct.run("allow-cidr", "-p", "opte0", "10.9.0.0/16"))).message).toBe("no more");
    expect(transit(direct)).toEqual([]);
  });

  it("is not removed in one direction where the other fails, also where it was not allowed there", async () => {
    const direct = await withPort();
    await direct.run("allow-cidr", "-p", "opte0", "10.9.0.0/16");
    failing(direct, "RemoveCidr");
    await errorOf(direct.run("remove-cidr", "-p", "opte0", "10.9.0.0/16"));
    expect(transit(direct)).toEqual([["10.9.0.0/16", { allowIn: true, allowOut: true }]]);
    await direct.run("allow-cidr", "-p", "opte0", "10.7.0.0/16", "--dir", "in");
    expect(await errorOf(direct.run("remove-cidr", "-p", "opte0", "10.7.0.0/16"))).toMatchObject({ kind: "not-found" });
    expect(transit(direct)).toContainEqual(["10.7.0.0/16", { allowIn: true, allowOut: false }]);
  });

  it("is said to be half allowed where that could not be taken back", async () => {
    const direct = await withPort();
    failing(direct, "AllowCidr");
    direct.model.faults.inject({ command: "RemoveCidr", when: "before", error: () => new Error("stuck") });
    const error = await errorOf(direct.run("allow-cidr", "-p", "opte0", "10.9.0.0/16"));
    expect(error.message).toMatch(/no more.*taken back: stuck/);
  });

  it("is attached, as an external one on request, and detached; detaching it again is no error", async () => {
    const direct = await withPort();
    const attached = () => direct.model.tables.ports[0]?.attachedSubnets;
    await direct.run("attach-subnet", "-p", "opte0", "10.9.0.0/16");
    expect(attached()).toEqual([["10.9.0.0/16", { isExternal: false }]]);
    await direct.run("attach-subnet", "-p", "opte0", "-e", "10.9.0.0/16");
    expect(attached()).toEqual([["10.9.0.0/16", { isExternal: true }]]);
    for (let i = 0; i < 2; i++) await direct.run("detach-subnet", "-p", "opte0", "10.9.0.0/16");
    expect(attached()).toEqual([]);
  });
});

describe("external addresses", () => {
  const set = (...options: string[]) =>
    new Direct({ replies: { SetExternalIps: undefined } }).requestOf("set-external-ips", "-p", "opte0", ...options);
  const NONE = { snat: undefined, ephemeralIp: undefined, floatingIps: [] };

  it("are those of one family; none at all are IPv4's", async () => {
    const all = [
      "--snat-ip",
      "203.0.113.1",
      "--snat-start",
      "0",
      "--snat-end",
      "16383",
      "--ephemeral-ip",
      "203.0.113.2",
    ];
    expect(await set(...all, "--floating-ip", "203.0.113.3", "--floating-ip", "203.0.113.4")).toEqual({
      port: "opte0",
      v4: {
        snat: { externalIp: "203.0.113.1", firstPort: 0, lastPort: 16383 },
        ephemeralIp: "203.0.113.2",
        floatingIps: ["203.0.113.3", "203.0.113.4"],
      },
      v6: undefined,
      internetGateways: undefined,
    });
    expect(await set("--ephemeral-ip", "2001:db8::1")).toMatchObject({
      v4: undefined,
      v6: { ...NONE, ephemeralIp: "2001:db8::1" },
    });
    expect(await set()).toMatchObject({ v4: NONE, v6: undefined });
  });

  it.each([
    ["--ephemeral-ip", "203.0.113.1", "--floating-ip", "2001:db8::1"],
    ["--snat-ip", "203.0.113.1"],
    ["--snat-ip", "203.0.113.1", "--snat-start", "0"],
    ["--snat-start", "0", "--snat-end", "1"],
    ["--snat-ip", "203.0.113.1", "--snat-start", "0", "--snat-end", "65536"],
    ["--floating-ip", "203.0.113.1,203.0.113.2"],
  ])("are refused: %s %s %s %s", async (...options) => {
    expect(await errorOf(set(...options.filter((one) => one !== undefined)))).toSatisfy(isUsage);
  });
});

describe("a port", () => {
  const IPV4 = ["--private-ip", "10.0.0.5", "--vpc-subnet", "10.0.0.0/24", "--gateway-ip", "10.0.0.1"];
  const REST = ["--guest-mac", "a8:40:25:0:0:5", "--gateway-mac", "a8:40:25:ff:77:77", "--vpc-vni", "100"];
  const LEAST = [...IPV4, ...REST, "--src-underlay-addr", "fd00::1"];

  it("is made with what is said, and an id for its link", async () => {
    const direct = new Direct();
    const dhcp = ["--hostname", "vm.", "--host-domain", "a.example", "--dns-servers", "1.1.1.1,fd00::53"];
    const more = [...dhcp, "--dns-servers", "9.9.9.9", "--domain-search-list", "a.example,b.example", "--mtu", "8500"];
    const request = await direct.requestOf("create-xde", "opte5", ...LEAST, ...more, "--ephemeral-ip", "203.0.113.1");
    expect(request).toEqual({
      linkId: 1,
      name: "opte5",
      mtu: 8500,
      cfg: {
        ipCfg: {
          v4: {
            vpcSubnet: "10.0.0.0/24",
            privateIp: "10.0.0.5",
            gatewayIp: "10.0.0.1",
            externalIps: { snat: undefined, ephemeralIp: "203.0.113.1", floatingIps: [] },
            attachedSubnets: [],
            transitIps: [],
          },
        },
        guestMac: "a8:40:25:00:00:05",
        gatewayMac: "a8:40:25:ff:77:77",
        vni: 100,
        physIp: "fd00::1",
        dhcp: {
          hostname: "vm.",
          hostDomain: "a.example",
          domainSearchList: ["a.example", "b.example"],
          dns4Servers: ["1.1.1.1", "9.9.9.9"],
          dns6Servers: ["fd00::53"],
        },
      },
    });
    expect(direct.links.live).toBe(1);
    expect(direct.warnings).toEqual([]);
    await direct.run("delete-xde", "opte5");
    expect(direct.links.live).toBe(0);
    expect(direct.model.tables.ports).toEqual([]);
  });

  it("can be an IPv6 one", async () => {
    const ipv6 = ["--private-ip", "fd77::5", "--vpc-subnet", "fd77::/64", "--gateway-ip", "fd77::1"];
    const direct = new Direct();
    await direct.run("create-xde", "opte5", ...ipv6, ...REST, "--src-underlay-addr", "fd00::1");
    expect(direct.model.tables.ports[0]?.create).toMatchObject({
      mtu: undefined,
      cfg: { ipCfg: { v6: { privateIp: "fd77::5", vpcSubnet: "fd77::/64", gatewayIp: "fd77::1" } } },
    });
  });

  it.each([
    ["a subnet of another family", ["--vpc-subnet", "fd77::/64"], "expected IPv4 VPC subnet"],
    ["a gateway of another family", ["--gateway-ip", "fd77::1"], "expected IPv4 gateway IP"],
    ["an external address of another family", ["--ephemeral-ip", "2001:db8::1"], "2001:db8::1"],
    ["an IPv6 address with an IPv4 subnet", ["--private-ip", "fd77::5"], "expected IPv6 VPC subnet"],
    ["half a pool for SNAT", ["--snat-start", "1"], "--snat-ip"],
    ["a domain name with an empty label", ["--hostname", "a..b"], "--hostname"],
    ["a domain name that is too long", ["--host-domain", "a".repeat(64)], "--host-domain"],
    ["an MTU that is no number", ["--mtu", "big"], "--mtu"],
    ["a VNI of over 24 bits", ["--vpc-vni", "16777216"], "--vpc-vni"],
  ])("is refused with %s, and has no id then", async (_what, options, named) => {
    const direct = new Direct();
    const error = await errorOf(direct.run("create-xde", "opte5", ...LEAST, ...options));
    expect(error).toSatisfy(isUsage);
    expect(error.message).toContain(named);
    expect(direct.sent).toEqual([]);
    expect(direct.links.live).toBe(0);
  });

  it("is refused with a name that the kernel could not bear, and with one option missing", async () => {
    const direct = new Direct();
    expect(await errorOf(direct.run("create-xde", "a".repeat(19), ...LEAST))).toSatisfy(isUsage);
    expect(await errorOf(direct.run("create-xde", "opte5", ...LEAST.slice(2)))).toSatisfy(isUsage);
    expect(direct.sent).toEqual([]);
  });

  it("gives its id back where the driver refuses it", async () => {
    const direct = new Direct({ model: new DriverModel({ underlay: false }) });
    const error = await errorOf(direct.run("create-xde", "opte5", ...LEAST));
    expect(error.message).toContain("underlay not initialized");
    expect(direct.links.live).toBe(0);
  });

  it("is not made where something bears its name already", async () => {
    const direct = new Direct();
    await direct.links.create("opte5");
    expect(await errorOf(direct.run("create-xde", "opte5", ...LEAST))).toMatchObject({ kind: "conflict" });
    expect(direct.sent).toEqual([]);
  });

  it("keeps its id where it cannot be removed", async () => {
    const direct = new Direct();
    await direct.run("create-xde", "opte5", ...LEAST);
    direct.model.setPort({ name: "opte5", busy: true });
    expect((await errorOf(direct.run("delete-xde", "opte5"))).message).toContain(`errno ${ILLUMOS_ERRNO.EBUSY}`);
    expect(direct.links.live).toBe(1);
  });

  it("has no MTU of its own with a driver before API 41, which is said", async () => {
    const direct = new Direct({ apiVersion: 40 });
    await direct.run("create-xde", "opte5", ...LEAST, "--mtu", "8500");
    expect(direct.warnings).toEqual([expect.stringContaining("API 40 cannot set a port's MTU")]);
  });
});

describe("a prefix at the boundary", () => {
  it("gets endpoints in the network of boundary services, and loses them", async () => {
    const direct = new Direct();
    await direct.run("set-v2b", "0.0.0.0/0", "fd00::2", "fd00::1");
    expect(direct.model.tables.v2b).toEqual([
      {
        prefix: "0.0.0.0/0",
        endpoints: [
          { ip: "fd00::1", vni: 99 },
          { ip: "fd00::2", vni: 99 },
        ],
      },
    ]);
    await direct.run("clear-v2b", "0.0.0.0/0", "fd00::1", "fd00::2");
    expect(direct.model.tables.v2b).toEqual([]);
  });

  it("is not set without an endpoint, which would panic the kernel later", async () => {
    const direct = new Direct();
    expect(await errorOf(direct.run("set-v2b", "0.0.0.0/0"))).toSatisfy(isUsage);
    expect(direct.sent).toEqual([]);
  });
});

describe("flow tables", () => {
  it("are cleared by port, or by port and layer", async () => {
    const direct = await withPort();
    await direct.run("clear-uft", "-p", "opte0");
    expect(await direct.requestOf("clear-lft", "-p", "opte0", "nat")).toEqual({ port: "opte0", layer: "nat" });
    expect((await errorOf(direct.run("clear-lft", "-p", "opte0", "none"))).message).toContain("LayerNotFound: none");
  });

  it.each(["list-layers", "dump-layer nat", "clear-lft nat", "dump-uft", "dump-tcp-flows", "set-fw-rules"])(
    "and all else that is a port's needs the port's name: %s",
    async (line) => {
      const direct = await withPort();
      const error = await errorOf(direct.run(...line.split(" ")));
      expect(error).toSatisfy(isUsage);
      expect(error.message).toContain("--port");
    },
  );
});
