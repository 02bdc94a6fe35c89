/** `sledcast --direct` as a process, on a fake device whose driver model the test can look into. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MULTICAST_VNI } from "../../src/net/vni.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { XdeModelServer } from "../../src/xde-model/server.ts";
import { RecordingLog } from "../harness/sled.ts";
import { mustRun, noFakeDevice, withFakeDevice } from "../host/binding-server.ts";
import { port } from "../opte/kit.ts";
import { CLI, type Finished, run } from "../process/daemon.ts";
import { BOLD, RULE } from "./kit.ts";

const directory = mkdtempSync(path.join(tmpdir(), "direct-"));
const socket = path.join(directory, "xde");
const log = new RecordingLog();
const model = new DriverModel({ underlay: false });
const server = new XdeModelServer({ model, log });

beforeAll(() => server.listen(socket));
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

const fed = (input: string, ...args: string[]): Promise<Finished> =>
  run(CLI, ["--direct", ...args], { ...withFakeDevice, SLEDCAST_FAKE_XDE: socket }, input);
const sledcast = (...args: string[]): Promise<Finished> => fed("", ...args);

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await sledcast(...args);
  expect({ code, stderr }, args.join(" ")).toEqual({ code: 0, stderr: "" });
  return stdout;
}

const suite = mustRun || noFakeDevice === undefined ? describe : describe.skip;
suite(noFakeDevice === undefined ? "at the driver itself" : `at the driver itself (${noFakeDevice})`, () => {
  test("mappings are set, dumped in opteadm's layout, and cleared", async () => {
    await ok("set-m2p", "239.1.1.1", "ff04::1");
    await ok("set-m2p", "ff0e::1:2", "ff04:0:0:1::2");
    expect(await ok("dump-m2p")).toBe(
      [
        "Multicast to Physical Mappings (M2P)",
        BOLD,
        "",
        "IPv4 groups",
        RULE,
        "OVERLAY GROUP  UNDERLAY MCAST",
        "239.1.1.1      ff04::1",
        "",
        "IPv6 groups",
        RULE,
        "OVERLAY GROUP  UNDERLAY MCAST",
        // OPTE's own text: the first run of zeros is compressed, not the longest.
        "ff0e::1:2      ff04::1:0:0:0:2",
        "",
        "",
      ].join("\n"),
    );
    expect(JSON.parse(await ok("--json", "dump-m2p"))).toEqual([
      { group: "239.1.1.1", underlay: "ff04::1" },
      { group: "ff0e::1:2", underlay: "ff04:0:0:1::2" },
    ]);
    await ok("clear-m2p", "ff0e::1:2", "ff04::9");
    expect(model.tables.m2p).toHaveLength(1);
  });

  test("next hops are added one by one with the multicast VNI", async () => {
    await ok("set-mcast-fwd", "ff04::1", "fd00::9", "underlay");
    await ok("set-mcast-fwd", "ff04::1", "fd00::a", "Both");
    expect(model.tables.forwarding[0]?.[1].map(({ vni }) => vni)).toEqual([MULTICAST_VNI, MULTICAST_VNI]);
    expect(await ok("dump-mcast-fwd")).toBe(
      [
        "Multicast Forwarding Table",
        BOLD,
        "",
        "GROUP IP  UNDERLAY IP  VNI  REPLICATION  FILTER",
        RULE,
        "ff04::1  fd00::9  77  Underlay  EXCLUDE() (any)",
        "ff04::1  fd00::a  77  Both      EXCLUDE() (any)",
        "",
        "",
      ].join("\n"),
    );
    await ok("clear-mcast-fwd", "ff04::1");
    expect(model.tables.forwarding).toEqual([]);
  });

  test("the underlay is set and taken back", async () => {
    await ok("set-xde-underlay", "net0", "net1");
    expect(model.tables.underlay).toEqual(["net0", "net1"]);
    await ok("clear-xde-underlay");
    expect(model.tables.underlay).toBeNull();
    expect((await sledcast("clear-xde-underlay")).stderr).toContain("underlay not yet initialized");
    await ok("set-xde-underlay", "net0", "net1");
  });

  test("ports are listed by number, as wide as they need to be", async () => {
    for (const number of [10, 2]) await model.call("CreateXde", port(number));
    const lines = (await ok("list-ports")).trimEnd().split("\n");
    expect(lines.map((line) => line.split(/ {2,}/)[0])).toEqual(["LINK", "opte2", "opte10"]);
    expect(lines[0]).toMatch(/^LINK {4}MAC ADDRESS {8}IPv4 ADDRESS +EPHEMERAL IPv4 +FLOATING IPv4 +IPv6 ADDRESS/);
  });

  test("ports are subscribed and unsubscribed", async () => {
    await ok("mcast-subscribe", "-p", "opte2", "239.1.1.1");
    await ok("mcast-subscribe", "-p", "opte10", "239.1.1.1", "--source", "10.0.0.5", "--source", "10.0.0.4");
    expect(await ok("dump-mcast-subs")).toBe(
      [
        "Multicast Subscriptions",
        BOLD,
        "",
        "UNDERLAY GROUP  PORT  FILTER",
        RULE,
        "ff04::1  opte2   EXCLUDE() (any)",
        "ff04::1  opte10  INCLUDE(10.0.0.4, 10.0.0.5)",
        "",
        "",
      ].join("\n"),
    );
    await ok("mcast-unsubscribe", "-p", "opte2", "239.1.1.1");
    await ok("mcast-unsubscribe-all", "239.1.1.1");
    expect(model.tables.subscriptions).toEqual([]);
  });

  test("addresses of VPCs are set, dumped and cleared", async () => {
    await ok("set-v2p", "10.7.0.1", "a8:40:25:0:0:1", "fd00::7", "7");
    expect(await ok("dump-v2p")).toContain(
      [
        "VPC 7",
        RULE,
        "",
        "IPv4 mappings",
        RULE,
        "VPC_IP    VPC MAC ADDR       UNDERLAY IP",
        "10.7.0.1  A8:40:25:00:00:01  fd00::7",
      ].join("\n"),
    );
    await ok("clear-v2p", "10.7.0.1", "a8:40:25:0:0:1", "fd00::7", "7");
    expect(model.tables.v2p.find(([vni]) => vni === 7)?.[1]).toEqual([]);
  });

  test("a port is made, gets rules from standard input, shows them in its layers, and is removed", async () => {
    const family = ["--private-ip", "10.0.0.77", "--vpc-subnet", "10.0.0.0/24", "--gateway-ip", "10.0.0.1"];
    const macs = ["--guest-mac", "a8:40:25:0:0:77", "--gateway-mac", "a8:40:25:ff:77:77"];
    await ok("create-xde", "guest77", ...family, ...macs, "--vpc-vni", "7", "--src-underlay-addr", "fd00::1");
    const rule = "dir=in action=deny priority=10 protocol=tcp port=22";
    expect(await fed(`${rule}\n`, "set-fw-rules", "-p", "guest77")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await ok("dump-layer", "-p", "guest77", "firewall")).split("\n").slice(10, 17)).toEqual([
      "Inbound Rules",
      RULE,
      "ID   PRI  HITS  PREDICATES          ACTION",
      '0    10   0     inner.ip.proto=TCP  "Deny"',
      "                inner.ulp.dst=22    ",
      "                                    ",
      'DEF  --   0     --                  "deny"',
    ]);
    await ok("delete-xde", "guest77");
    expect(model.tables.ports.map(({ create }) => create.name)).not.toContain("guest77");
  });

  test("what the driver refuses is exit 1 in its own words", async () => {
    const { code, stderr } = await sledcast("mcast-subscribe", "-p", "opte99", "239.1.1.1");
    expect(code).toBe(1);
    expect(stderr).toBe("sledcast: the driver refused McastSubscribe: PortNotFound: opte99\n");
    expect((await sledcast("clear-uft", "-p", "opte2")).stderr).toContain("BadState: ready");
  });

  test.each([
    [["set-m2p", "239.1.1.1", "ff05::1"], "ff05::1"],
    [["set-v2b", "0.0.0.0/0"], "endpoint"],
    [["m2p", "list"], "m2p"],
  ])("bad usage is exit 2, names the argument and reaches no driver: %j", async (args, named) => {
    const before = model.tables;
    const { code, stderr } = await sledcast(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(named);
    expect(model.tables).toEqual(before);
  });

  test("an underlay that was never set keeps unsubscribe-all from the driver, which would panic", async () => {
    const other = new XdeModelServer({ model: new DriverModel({ underlay: false }), log });
    const there = path.join(directory, "other");
    await other.listen(there);
    const { code } = await run(CLI, ["--direct", "mcast-unsubscribe-all", "239.1.1.1"], {
      ...withFakeDevice,
      SLEDCAST_FAKE_XDE: there,
    });
    expect(code).toBe(0);
    expect(other.panics).toEqual([]);
    await other.close();
  });

  test("a device that is not there is said with the way out", async () => {
    const { code, stderr } = await sledcast("--xde-device", path.join(directory, "nowhere"), "list-ports");
    expect(code).toBe(1);
    expect(stderr).toContain("the xde driver is not attached");
  });
});
