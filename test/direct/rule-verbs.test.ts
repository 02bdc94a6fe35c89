/** Firewall rules and routes as they are spelled, and which spellings are refused (oxide-vpc api.rs). */
import { describe, expect, it } from "vitest";
import { Direct, errorOf, isUsage, withPort } from "./kit.ts";

const ID = "11111111-2222-4333-8444-555555555555";

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
    ["protocol", ["any", "icmp:3,9-1", "any"]],
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
