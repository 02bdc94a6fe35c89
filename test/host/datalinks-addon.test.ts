/** The addon's datalinks alone: what no contract says, because only native code can get it wrong. */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { ADDON, fileOf, LIBDLADM, OBSTACLE } from "./fake-libs.ts";

const { Datalinks: NativeDatalinks } = OBSTACLE === undefined ? createRequire(import.meta.url)(ADDON) : {};

describe.skipIf(OBSTACLE !== undefined)("the addon's datalinks", () => {
  const nothing = () => {};
  const opened = (native: InstanceType<typeof NativeDatalinks>) =>
    new Promise<string>((resolve) => native.open(resolve));

  it("take wrong arguments for type errors", async () => {
    for (const library of [7, null, {}, "a\0b"]) expect(() => new NativeDatalinks(library)).toThrow(TypeError);
    const native = new NativeDatalinks(LIBDLADM);
    expect(await opened(native)).toBe("");
    expect(() => native.open()).toThrow(TypeError);
    for (const call of ["create", "info"]) {
      for (const args of [[], ["opte0"], [7, nothing], ["opte0\0", nothing]])
        expect(() => native[call](...args)).toThrow(TypeError);
    }
    for (const call of ["nameOf", "destroy"]) {
      for (const id of ["1", -1, 0.5, 2 ** 32, Number.NaN]) expect(() => native[call](id, nothing)).toThrow(TypeError);
      expect(() => native[call](1)).toThrow(TypeError);
    }
  });

  it("take nothing up before their library is there", async () => {
    const native = new NativeDatalinks("libdladm-absent.so.1");
    expect(native.create("opte0", nothing)).toBe(false);
    expect(await opened(native)).toContain("cannot open shared object file");
    expect(native.destroy(1, nothing)).toBe(false);
  });

  it("tell what an id is", async () => {
    fileOf("SLEDCAST_FAKE_DLADM");
    const native = new NativeDatalinks(LIBDLADM);
    await opened(native);
    await new Promise((resolve) => native.create("opte0", resolve));
    const asked = { function: "dladm_datalink_id2info", status: 0, text: "ok" };
    expect(await new Promise((resolve) => native.nameOf(1, resolve))).toEqual({
      ...asked,
      id: 1,
      flags: 1,
      class: 0x400,
      media: 4,
      name: "opte0",
    });
    expect(await new Promise((resolve) => native.nameOf(2, resolve))).toEqual({
      ...asked,
      status: 5,
      text: "object not found",
    });
  });

  it("end with a thread that has calls under way", async () => {
    const program = `
      const { Datalinks } = require(${JSON.stringify(ADDON)});
      const ids = new Datalinks(${JSON.stringify(LIBDLADM)});
      ids.open(() => {
        for (let n = 0; n < 200; n++) ids.info("thread" + n, () => {});
        require("node:worker_threads").parentPort.postMessage("started");
        setInterval(() => {}, 1000);
      });`;
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(program, { eval: true });
      await new Promise((resolve) => worker.once("message", resolve));
      expect(await worker.terminate()).toBe(1);
    }
  });
});
