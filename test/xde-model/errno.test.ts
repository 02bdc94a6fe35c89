/** The model speaks in illumos's error numbers; its caller gets them in the numbers it was built with. */
import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import { ILLUMOS_ERRNO } from "../../src/opte/error.ts";
import { errnoFor, illumosErrnoNamed } from "../../src/xde-model/errno.ts";

const NAMES = Object.keys(ILLUMOS_ERRNO) as (keyof typeof ILLUMOS_ERRNO)[];

describe("a number for a caller of this platform", () => {
  it.runIf(process.platform === "linux").each([
    ["ENOMSG", 35, 42],
    ["ENOBUFS", 132, 105],
    ["ENOTSUP", 48, 95],
    ["EPROTO", 71, 71],
    ["ENOENT", 2, 2],
    ["EBUSY", 16, 16],
    ["EPERM", 1, 1],
    ["ENXIO", 6, 6],
  ])("is Linux's: %s, from %i to %i", (_name, illumos, linux) => {
    expect(errnoFor("linux", illumos)).toBe(linux);
  });

  it.each(NAMES)("has the same name: %s", (name) => {
    expect(errnoFor("linux", ILLUMOS_ERRNO[name])).toBe(constants.errno[name]);
  });

  it("stays as it is where illumos has no name for it here", () => {
    expect(errnoFor("linux", 9999)).toBe(9999);
  });

  it("of success is 0", () => {
    expect([errnoFor("linux", 0), errnoFor("illumos", 0)]).toEqual([0, 0]);
  });
});

describe("a number for a caller that is built for illumos", () => {
  it.each(NAMES)("stays illumos's: %s", (name) => {
    expect(errnoFor("illumos", ILLUMOS_ERRNO[name])).toBe(ILLUMOS_ERRNO[name]);
  });
});

describe("a name in an order", () => {
  it.each(NAMES)("is known with illumos's number: %s", (name) => {
    expect(illumosErrnoNamed(name)).toBe(ILLUMOS_ERRNO[name]);
  });

  it.each(["", "enoent", "ENOTHING"])("that is none has no number: %j", (name) => {
    expect(illumosErrnoNamed(name)).toBeUndefined();
  });

  it.each(["constructor", "toString", "__proto__"])("is not one for being a property of every object: %s", (name) => {
    expect(illumosErrnoNamed(name)).toBeUndefined();
  });
});
