/** The end of a device: closed by us, or lost to its binding. */
import { describe, expect, it, vi } from "vitest";
import { DriverUnavailable, mayHaveTakenEffect } from "../../src/opte/error.ts";
import { mapping } from "./kit.ts";
import { errorOf, gate, settled, stopTime, xde } from "./xde-kit.ts";

const MAPPING = mapping("239.1.1.1", "ff04::1");

describe("closing", () => {
  it("lets the run under way end, and refuses what waits behind it", async () => {
    const { kernel, xde: transport } = xde();
    const { shut, open } = gate();
    kernel.held = shut;
    const first = transport.call("ListPorts", undefined);
    await settled();
    const second = errorOf(transport.call("SetMcast2Phys", MAPPING));
    const closed = transport.close();
    open();
    expect(await first).toEqual([]);
    const error = await second;
    expect(error).toMatchObject({ kind: "driver-unavailable", message: expect.stringContaining("stopping") });
    expect(mayHaveTakenEffect(error)).toBe(false);
    await closed;
    expect(kernel).toMatchObject({ opened: 1, closed: 1, runs: { length: 1 } });
  });

  it("does not let a later call open the device again", async () => {
    const { kernel, xde: transport } = xde();
    await transport.call("ListPorts", undefined);
    await transport.close();
    await errorOf(transport.call("ListPorts", undefined));
    expect(kernel).toMatchObject({ opened: 1, closed: 1 });
  });

  it("closes a device whose opening was under way", async () => {
    const { kernel, xde: transport } = xde();
    const { shut, open } = gate();
    kernel.openHeld = shut;
    const call = transport.call("ListPorts", undefined).catch(() => {});
    await settled();
    const closed = transport.close();
    open();
    await Promise.all([call, closed]);
    await settled();
    expect(kernel.closed).toBe(kernel.opened);
  });
});

describe("a binding that cannot run calls at all (its thread ended, no memory)", () => {
  it("is an error of the driver not being available", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.runFails = new Error("the thread ended");
    expect(await errorOf(transport.call("ListPorts", undefined))).toBeInstanceOf(DriverUnavailable);
  });

  it("is left for a device that is opened anew", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.runFails = new Error("the thread ended");
    await errorOf(transport.call("ListPorts", undefined));
    kernel.runFails = undefined;
    await vi.advanceTimersByTimeAsync(10_000);
    await transport.call("ListPorts", undefined);
    expect(kernel.opened).toBe(2);
  });
});
