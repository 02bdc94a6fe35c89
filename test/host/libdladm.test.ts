/** Datalink ids through the addon, over a stand-in for libdladm of the same ABI. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { CountedDatalinks } from "../../src/host/datalinks.ts";
import { openDatalinks } from "../../src/host/libdladm.ts";
import { ADDON, fileOf, LIBDLADM, LIBKSTAT, OBSTACLE } from "./fake-libs.ts";

/** dlmgmtd's table in a file of the test's own. */
async function datalinks(table = "") {
  const file = fileOf("SLEDCAST_FAKE_DLADM");
  if (table !== "") writeFileSync(file, table);
  return {
    datalinks: await openDatalinks(LIBDLADM),
    links: () =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line.startsWith("link ")),
    fault: (...lines: string[]) => writeFileSync(`${file}.faults`, `${lines.join("\n")}\n`),
    faults: () => readFileSync(`${file}.faults`, "utf8"),
  };
}

const OTHERS = ["link 3 0x1 4 3 igb0", "link 4 0x8 4 1 vnic0", "link 5 0x400 4 3 opte7"];
const NAME_RULE = "at most 31 letters, digits, _ and .";
const DLMGMTD = "svc:/network/datalink-management:default";
const PRIVILEGE = "sys_dl_config or sys_net_config";
const REFUSALS = [
  { status: 1, text: "invalid argument", kind: "driver-refused", wayOut: NAME_RULE },
  { status: 2, text: "operation failed", kind: "driver-unavailable", wayOut: DLMGMTD },
  { status: 3, text: "buffer size too small", kind: "driver-unavailable", wayOut: DLMGMTD },
  { status: 7, text: "insufficient memory", kind: "driver-busy", wayOut: "tried again" },
  { status: 13, text: "permission denied", kind: "driver-refused", wayOut: PRIVILEGE },
  { status: 14, text: "I/O error", kind: "driver-unavailable", wayOut: DLMGMTD },
  { status: 24, text: "link busy", kind: "driver-busy", wayOut: "tried again" },
  { status: 27, text: "try again later", kind: "driver-busy", wayOut: "tried again" },
  { status: 99, text: "<unknown error>", kind: "driver-unavailable", wayOut: DLMGMTD },
] as const;

describe.skipIf(OBSTACLE !== undefined)("datalink ids by libdladm", () => {
  it("count up, and one that was given back is not handed out again", async () => {
    const { datalinks: ids } = await datalinks();
    expect([await ids.create("opte0"), await ids.create("opte1")]).toEqual([1, 2]);
    expect(await ids.destroy("opte1")).toBe(true);
    expect(await ids.create("opte1")).toBe(3);
  });

  it("are of class MISC, Ethernet, and active only", async () => {
    const { datalinks: ids, links } = await datalinks();
    await ids.create("opte0");
    expect(links()).toEqual(["link 1 0x400 4 1 opte0"]);
  });

  it("are none for a name that something bears", async () => {
    const { datalinks: ids, links } = await datalinks(OTHERS.join("\n"));
    for (const name of ["igb0", "vnic0", "opte7"]) expect(await ids.create(name)).toBeUndefined();
    expect(links()).toEqual(OTHERS);
  });

  it("are one when many ask for the same name at once", async () => {
    const { datalinks: ids } = await datalinks();
    const answers = await Promise.all(Array.from({ length: 40 }, () => ids.create("opte0")));
    expect(answers.filter((id) => id !== undefined)).toEqual([1]);
  });

  it("are not given back where nothing bears the name", async () => {
    const { datalinks: ids } = await datalinks(OTHERS.join("\n"));
    expect(await ids.destroy("opte0")).toBe(false);
  });

  it("are left alone where they are of another class, or outlive a reboot", async () => {
    const { datalinks: ids, links } = await datalinks(OTHERS.join("\n"));
    for (const name of ["igb0", "vnic0", "opte7"]) expect(await ids.destroy(name)).toBe(false);
    expect(links()).toEqual(OTHERS);
  });

  it("are not confused where the library would cut a name off", async () => {
    const longest = `${"p".repeat(30)}1`;
    const { datalinks: ids, links } = await datalinks(`link 1 0x400 4 1 ${longest}\n`);
    for (const call of [ids.destroy(`${longest}2`), ids.create(`${longest}2`)]) {
      await expect(call).rejects.toMatchObject({ kind: "driver-refused" });
    }
    expect(links()).toHaveLength(1);
    expect(await ids.destroy(longest)).toBe(true);
  });

  it("are gone where another was quicker to give them back", async () => {
    const { datalinks: ids, fault, links } = await datalinks();
    await ids.create("opte0");
    fault("destroy 5 1 after");
    expect(await ids.destroy("opte0")).toBe(true);
    expect(links()).toEqual([]);
  });

  it.each(["opte", "0opte0", "opte01", "op te0", "op-te0", "", `${"p".repeat(31)}1`])(
    "are refused for the name %j",
    async (name) => {
      const { datalinks: ids } = await datalinks();
      const said = `no datalink id for ${name}: invalid argument (dladm_create_datalink_id, status 1); a link's name has ${NAME_RULE}`;
      await expect(ids.create(name)).rejects.toMatchObject({
        kind: "driver-refused",
        message: expect.stringContaining(said),
      });
    },
  );

  it.each(REFUSALS)(
    "say status $status of a create in the library's words, with the name and the way out",
    async ({ status, text, kind, wayOut }) => {
      const { datalinks: ids, fault, links } = await datalinks(OTHERS.join("\n"));
      fault(`create ${status} 1`);
      const error = await ids.create("opte0").catch((thrown) => thrown);
      expect(error).toMatchObject({ name: "SledcastError", kind });
      expect(error.message).toContain(
        `no datalink id for opte0: ${text} (dladm_create_datalink_id, status ${status}); `,
      );
      expect(error.message).toContain(wayOut);
      expect(links()).toEqual(OTHERS);
      expect(await ids.create("opte0")).toBe(6);
    },
  );

  it.each(REFUSALS)(
    "say status $status of a destroy in the library's words, with the name and the way out",
    async ({ status, text, kind, wayOut }) => {
      const { datalinks: ids, fault, links } = await datalinks();
      await ids.create("opte0");
      for (const [call, asked] of [
        ["name2info", "dladm_name2info"],
        ["destroy", "dladm_destroy_datalink_id"],
      ]) {
        fault(`${call} ${status} 1`);
        const error = await ids.destroy("opte0").catch((thrown) => thrown);
        expect(error).toMatchObject({ name: "SledcastError", kind });
        expect(error.message).toContain(
          `the datalink id of opte0 is not given back: ${text} (${asked}, status ${status}); `,
        );
        expect(error.message).toContain(wayOut);
      }
      expect(links()).toHaveLength(1);
      expect(await ids.destroy("opte0")).toBe(true);
    },
  );

  it("say where dlmgmtd's own door is not there", async () => {
    const { datalinks: ids, fault } = await datalinks();
    fault("create 5 1", "open 5 1");
    for (const call of [() => ids.destroy("opte0"), () => ids.create("opte0")]) {
      await expect(call()).rejects.toMatchObject({
        kind: "driver-unavailable",
        message: expect.stringContaining(DLMGMTD),
      });
    }
  });

  it("are had as soon as a handle can be opened", async () => {
    const { datalinks: ids, fault } = await datalinks();
    fault("open 13 2");
    for (let tried = 0; tried < 2; tried++) {
      await expect(ids.create("opte0")).rejects.toMatchObject({
        kind: "driver-refused",
        message: expect.stringContaining("permission denied (dladm_open, status 13)"),
      });
    }
    expect(await ids.create("opte0")).toBe(1);
  });

  it("are made although the answer was an error, and the name is taken then", async () => {
    const { datalinks: ids, fault, faults } = await datalinks();
    fault("create 14 1 after");
    await expect(ids.create("opte0")).rejects.toMatchObject({ kind: "driver-unavailable" });
    expect(faults()).toBe("");
    expect(await ids.create("opte0")).toBeUndefined();
    expect(await ids.destroy("opte0")).toBe(true);
  });

  it("are as those that are counted in this process, in any order of calls", async () => {
    const call = fc.record({
      what: fc.constantFrom("create", "destroy"),
      name: fc.constantFrom("opte0", "opte1", "opte2"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 12 }), async (calls) => {
        const { datalinks: ids } = await datalinks();
        const counted = new CountedDatalinks();
        for (const { what, name } of calls) {
          expect(what === "create" ? await ids.create(name) : await ids.destroy(name)).toEqual(
            what === "create" ? await counted.create(name) : await counted.destroy(name),
          );
        }
      }),
      { numRuns: 30 },
    );
  });

  it("outlive an agent that is killed over them", async () => {
    const { datalinks: ids } = await datalinks();
    const agent = spawn(process.execPath, ["-e", FOREVER], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void agent.kill("SIGKILL"));
    const made: string[] = [];
    for await (const name of createInterface(agent.stdout)) {
      made.push(name);
      if (made.length === 20) agent.kill("SIGKILL");
    }
    for (const name of made) expect(await ids.create(name)).toBeUndefined();
  });

  it("are of the library that the loader finds by its name, if no other is named", async () => {
    await datalinks();
    const ids = await openDatalinks();
    expect(ids.source).toBe("libdladm");
    expect(await ids.create("opte0")).toBe(1);
  });

  it("are not to be had without the library, which is said in one line", async () => {
    const why = "libdladm-absent.so.1 does not load: libdladm-absent.so.1: cannot open shared object file";
    await expect(openDatalinks("libdladm-absent.so.1")).rejects.toThrow(new RegExp(`^${why}[^\n]*$`));
    const other = `${LIBKSTAT} does not load: ${LIBKSTAT} has no dladm_open`;
    await expect(openDatalinks(LIBKSTAT)).rejects.toThrow(other);
  });
});

/** A process that makes ids one after the other, and says so of each. */
const FOREVER = `
  const { Datalinks } = require(${JSON.stringify(ADDON)});
  const ids = new Datalinks(${JSON.stringify(LIBDLADM)});
  const next = (n) => ids.create("opte" + n, ({ status }) => {
    if (status !== 0) process.exit(1);
    process.stdout.write("opte" + n + "\\n", () => next(n + 1));
  });
  ids.open(() => next(0));`;
