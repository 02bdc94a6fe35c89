/** What each verb makes of its arguments, and which it refuses. opteadm's (opteadm.rs, oxide-vpc api.rs) is the measure. */
import { describe, expect, it } from "vitest";
import { Direct, errorOf, isUsage, withPort } from "./kit.ts";

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
  [["set-v2p", "10.0.0.1", "a8:40:25::0:1", "fd00::1", "7"], "a8:40:25::0:1"],
])("a bad argument is named and reaches no driver: %j", async (args, named) => {
  const direct = new Direct();
  const error = await errorOf(direct.run(...args));
  expect(error).toSatisfy(isUsage);
  expect(error.message).toContain(named);
  expect(direct.sent).toEqual([]);
});

it("a verb's help tells which options must be given", () => {
  const help = new Direct().helpOf("create-xde");
  expect(help).toMatch(/--guest-mac <mac> +the guest's MAC \(required\)/);
  expect(help).not.toMatch(/--mtu.*\(required\)/);
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
    ["--snat-ip", "203.0.113.1", "--snat-start", "2", "--snat-end", "1"],
    ["--floating-ip", "203.0.113.1,203.0.113.2"],
  ])("are refused: %s %s %s %s", async (...options) => {
    expect(await errorOf(set(...options.filter((one) => one !== undefined)))).toSatisfy(isUsage);
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
