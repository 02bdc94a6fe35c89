/** Ports on a host: the daemon, the driver and dlmgmtd are processes or files of their own, and one of them fails or ends. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ensureBody, nic, PROPOLIS, propolis } from "../harness/registration.ts";
import { folder, giveUnderlay, Model, OBSTACLE, SOON, XdeDaemon } from "./xde-kit.ts";

const SECOND = propolis(2);
const second = { nics: [nic(2, { primary: true })] };

/** A host: its driver has its underlay, and its links are in a file, as `native/fake-libs/link_table.h` says. */
interface Host {
  readonly model: Model;
  readonly stateDir: string;
  /** The names of links. */
  links(): string[];
  /** Orders faults of dlmgmtd. */
  fail(...faults: readonly string[]): void;
  daemon(): Promise<XdeDaemon>;
}

async function host(): Promise<Host> {
  const place = folder();
  const model = await Model.start(path.join(place, "xde.sock"));
  await giveUnderlay(model.socket);
  const table = `${model.socket}.datalinks`;
  const stateDir = path.join(place, "state");
  return {
    model,
    stateDir,
    links: () => {
      const text = existsSync(table) ? readFileSync(table, "utf8") : "";
      return [...text.matchAll(/^link .* (\S+)$/gm)].map(([, name]) => name as string);
    },
    fail: (...faults) => writeFileSync(`${table}.faults`, `${faults.join("\n")}\n`),
    daemon: () => XdeDaemon.ready(model.socket, ["--state-dir", stateDir]),
  };
}

const ports = async ({ model }: Host) => (await model.tables()).ports.map(({ create }) => create.name);
const register = (daemon: XdeDaemon, id = PROPOLIS, local: object = {}) => daemon.put(`/vmms/${id}`, ensureBody(local));

describe.skipIf(OBSTACLE !== undefined)("a port on a host", () => {
  beforeAll(() => expect(OBSTACLE).toBeUndefined());

  test("has a datalink id of its name while it is there, and is not made without; ids that dlmgmtd keeps are degraded", async () => {
    const one = await host();
    const daemon = await one.daemon();
    const made = async () => [await ports(one), one.links()];

    one.fail("create 13 1");
    expect(await register(daemon)).toMatchObject({
      status: 409,
      body: { error_code: "DRIVER_REFUSED", message: expect.stringMatching(/opte0.*sys_dl_config/s) },
    });
    one.fail("create 24 1 after");
    expect(await register(daemon)).toMatchObject({ status: 503, body: { error_code: "DRIVER_REFUSED" } });
    expect(await made()).toEqual([[], []]);

    expect(await register(daemon)).toMatchObject({ status: 200 });
    expect(await made()).toEqual([["opte2"], ["opte2"]]);
    const [port] = (await one.model.tables()).ports;
    expect(readFileSync(`${one.model.socket}.datalinks`, "utf8")).toContain(`link ${port?.create.linkId} `);

    one.fail("destroy 24 2");
    expect(await daemon.call("DELETE", `/vmms/${PROPOLIS}`)).toMatchObject({ status: 200 });
    expect(await made()).toEqual([[], ["opte2"]]);
    expect(await daemon.get("/multicast/status")).toMatchObject({
      body: { degraded: [{ thing: "port", subject: "opte2", reason: expect.stringContaining("opte2") }] },
    });
    await expect.poll(() => one.links(), SOON).toEqual([]);
    await daemon.becomes("/multicast/status", { body: { degraded: [] } });
  });

  test("takes a name that no link and no port bears, of whatever kind and whoever's", async () => {
    const one = await host();
    writeFileSync(`${one.model.socket}.datalinks`, "next 9\nlink 7 0x8 4 3 opte0\nlink 8 0x400 4 1 opte1\n");
    const daemon = await one.daemon();
    await register(daemon);
    expect(await ports(one)).toEqual(["opte2"]);
    await daemon.call("DELETE", `/vmms/${PROPOLIS}`);
    expect(one.links()).toEqual(["opte0", "opte1"]);
  });

  test("that was being made when the daemon was killed leaves no id, nor does one that was being deleted", async () => {
    const one = await host();
    const daemon = await one.daemon();
    await register(daemon, SECOND, second);
    await one.model.order({ order: "delay", command: "CreateXde", ms: 60_000 });
    const unanswered = register(daemon).catch(() => {});
    await expect.poll(() => one.links(), SOON).toEqual(["opte0", "opte1"]);
    await daemon.stop("SIGKILL");
    await unanswered;
    const next = await one.daemon();
    await expect.poll(() => one.links(), SOON).toEqual(["opte0"]);
    expect(await ports(one)).toEqual(["opte0"]);
    const said = await next.logged(({ port, msg }) => port === "opte1" && String(msg).includes("left over"));
    expect(said.msg).toContain("datalink id is given back");
    one.fail("destroy 14 1000");
    await next.call("DELETE", `/vmms/${SECOND}`);
    await next.stop("SIGKILL");
    one.fail();
    const last = await one.daemon();
    await expect.poll(() => one.links(), SOON).toEqual([]);
    expect(await register(last)).toMatchObject({ status: 200 });
  });
});
