/** The driver's counters through the addon and a stand-in for libkstat, as a daemon over xde shows them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Kstat } from "../../src/host/kstats.ts";
import { openKstatsFor } from "../../src/open-kstats.ts";
import { kstat, kstatsOfPort, MULTICAST, xdeKstat } from "../harness/kstats.ts";
import { ensureBody, nic, propolis } from "../harness/registration.ts";
import { RecordingLog } from "../harness/sled.ts";
import { OBSTACLE as NO_LIBRARIES, replace } from "../host/fake-libs.ts";
import { CLI, run } from "./daemon.ts";
import { Model, OBSTACLE, XdeDaemon } from "./xde-kit.ts";

/** A kernel's kstats, as the stand-in reads them. */
const textOf = (kstats: readonly Kstat[]) =>
  kstats
    .flatMap(({ name, values }) => [
      `xde 0 ${name} net named`,
      ...[...values].map(([statistic, value]) => `  ${statistic} uint64 ${value}`),
      "",
    ])
    .join("\n");

describe.skipIf(OBSTACLE !== undefined || NO_LIBRARIES !== undefined)("a daemon over xde with libkstat", () => {
  let directory: string;
  let file: string;
  let model: Model;
  let daemon: XdeDaemon;
  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "sled-"));
    file = path.join(directory, "kstats");
    kernelHas(xdeKstat());
    model = await Model.start(path.join(directory, "xde.sock"));
    const nics = ["--underlay-nic", "net0", "--underlay-nic", "net1"];
    daemon = await XdeDaemon.ready(model.socket, nics, { SLEDCAST_FAKE_KSTAT: file });
  });
  afterAll(async () => {
    await daemon.stop("SIGKILL");
    await model.stop("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });

  const kernelHas = (...kstats: readonly Kstat[]) => replace(file, textOf(kstats));

  /** The samples of xde's own counters, or of a port's. */
  async function samples(of: "xde" | "port"): Promise<readonly string[]> {
    const { status, body } = await daemon.get("/metrics");
    expect(status).toBe(200);
    return (body as string)
      .split("\n")
      .filter((line) => line.startsWith(`sledcast_${of}_`) && !/_(?:leftovers|settings_half_done) /.test(line));
  }

  /** Registers a VMM, whose port is the only one. */
  async function madePort(n: number): Promise<string> {
    const nics = [nic(n, { primary: true, slot: 0 })];
    expect(await daemon.put(`/vmms/${propolis(n)}`, ensureBody({ nics }))).toMatchObject({ status: 200 });
    const [port] = (await daemon.get("/networking/ports")).body as readonly { name: string }[];
    return port?.name ?? "none";
  }
  const unregister = (n: number) => daemon.call("DELETE", `/vmms/${propolis(n)}`);

  async function sledcast(...args: string[]): Promise<string> {
    const { address } = await daemon.logged((record) => record.address !== undefined);
    const { code, stdout, stderr } = await run(CLI, args, { SLEDCAST_AGENT: `http://${address}` });
    expect({ code, stderr }, args.join(" ")).toEqual({ code: 0, stderr: "" });
    return stdout;
  }

  test("shows xde's counters as they are at each scrape", async () => {
    kernelHas(kstat("xde", MULTICAST, 10));
    expect(await samples("xde")).toEqual(MULTICAST.map((name, at) => `sledcast_xde_${name}_total ${10 + at}`));
    kernelHas(kstat("xde", MULTICAST, 20));
    expect(await samples("xde")).toEqual(MULTICAST.map((name, at) => `sledcast_xde_${name}_total ${20 + at}`));
  });

  test("shows a port that was made after libkstat was opened, and not one that was removed since the last scrape", async () => {
    kernelHas(xdeKstat());
    expect(await samples("port")).toEqual([]);
    const port = await madePort(1);
    kernelHas(xdeKstat(), ...kstatsOfPort(port));
    const shown = await samples("port");
    expect(shown).toHaveLength(27);
    for (const line of shown) expect(line).toContain(`{port="${port}"}`);
    const { status, body } = await daemon.get("/networking/ports?stats=true");
    const stats = Object.fromEntries(
      [...(kstatsOfPort(port)[0]?.values ?? [])].map(([name, at]) => [name, Number(at)]),
    );
    expect({ status, body }).toMatchObject({ status: 200, body: [{ name: port, stats }] });

    expect(await unregister(1)).toMatchObject({ status: 200 });
    kernelHas(xdeKstat());
    expect(await samples("port")).toEqual([]);
    expect(await daemon.get("/networking/ports?stats=true")).toMatchObject({ status: 200, body: [] });
  });

  test("shows of an older driver what that counts", async () => {
    const older = MULTICAST.filter((name) => !name.includes("filtered"));
    kernelHas(kstat("xde", older), kstat("opte9", ["in_drop", "in_uft_hit"], 4));
    expect(await samples("xde")).toEqual(older.map((name, at) => `sledcast_xde_${name}_total ${1 + at}`));
    expect(await samples("port")).toEqual([
      'sledcast_port_in_drop_total{port="opte9"} 4',
      'sledcast_port_in_uft_hit_total{port="opte9"} 5',
    ]);
  });

  test("goes without while they cannot be read, and says so once, and when it has them again", async () => {
    const said = () =>
      daemon.records.filter(({ msg }) => /kstats can be read/.test(String(msg))).map(({ msg, error }) => [msg, error]);
    const before = said().length;
    replace(file, `${textOf([xdeKstat()])}xde 0 opte0`);
    expect(await samples("xde")).toEqual([]);
    expect(await samples("xde")).toEqual([]);
    kernelHas(kstat("xde", ["mcast_tx_local"], 3));
    expect(await samples("xde")).toEqual(["sledcast_xde_mcast_tx_local_total 3"]);
    await daemon.logged(({ msg }) => msg === "the driver's kstats can be read again");
    expect(said().slice(before)).toEqual([
      [
        "the driver's counters are not shown until its kstats can be read",
        "the kstats of xde cannot be read: EINVAL from libkstat; see whether kstat(8) reads them",
      ],
      ["the driver's kstats can be read again", undefined],
    ]);
  });

  test("has them listed by sledcast, a dash where there are none, and in JSON all of them to the last bit", async () => {
    const port = await madePort(2);
    const most = 2n ** 64n - 1n;
    kernelHas(kstat(port, ["in_uft_hit"], most), kstat(`${port}_nat`, ["in_rules"]));
    const table = (await sledcast("ports", "list", "--stats")).trimEnd().split("\n");
    expect(table.map((line) => line.split(/ {2,}/))).toEqual([
      ["NAME", "STATE", "OWNER", "IN HIT", "IN MISS", "IN DROP", "IN ERR", "IN FLOWS"].concat([
        "OUT HIT",
        "OUT MISS",
        "OUT DROP",
        "OUT ERR",
        "OUT FLOWS",
        "TCP FLOWS",
      ]),
      [port, expect.any(String), "registered", String(most), ...Array.from({ length: 10 }, () => "-")],
    ]);
    expect(await sledcast("ports", "list", "--stats", "--json")).toContain(
      `"stats": {\n      "in_uft_hit": ${most}\n    }`,
    );
    kernelHas();
    expect(JSON.parse(await sledcast("--json", "ports", "list", "--stats"))).toMatchObject([
      { name: port, stats: null },
    ]);
    expect(await unregister(2)).toMatchObject({ status: 200 });
  });
});

describe("a host's kstats", () => {
  test("are not looked for with the driver model", async () => {
    const log = new RecordingLog();
    expect(await openKstatsFor({ driver: "model" }, log)).toBeUndefined();
    expect(log.records).toEqual([]);
  });

  test.skipIf(process.platform === "sunos")(
    "are gone without where libkstat is absent, which is one line in the log",
    async () => {
      const log = new RecordingLog();
      expect(await openKstatsFor({ driver: "xde" }, log, "libkstat-absent.so.1")).toBeUndefined();
      expect(log.records).toMatchObject([
        {
          level: "info",
          message: "the driver's counters are not shown: its kstats cannot be reached",
          fields: { why: expect.any(String) },
        },
      ]);
    },
  );
});
