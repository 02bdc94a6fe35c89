/** A device that is not there, goes away under a call, and comes back. */
import { describe, expect, it, vi } from "vitest";
import { DriverUnavailable, mayHaveTakenEffect } from "../../src/opte/error.ts";
import { cidr } from "../net/make.ts";
import { mapping, port } from "./kit.ts";
import { errorOf, failed, gate, type Kernel, stopTime, xde } from "./xde-kit.ts";

const MAPPING = mapping("239.1.1.1", "ff04::1");
const ROUTE = { port: "p", dest: cidr("10.0.0.0/8"), target: { type: "drop" as const }, class: "system" as const };
type Transport = ReturnType<typeof xde>["xde"];

describe("a device that does not open", () => {
  it.each([
    ["ENOENT", "install the OPTE package"],
    ["ENXIO", "no driver behind it"],
    ["ENODEV", "no driver behind it"],
    ["EACCES", "as root"],
    ["EPERM", "privilege"],
    ["EBUSY", "another process"],
    ["EMFILE", "too many files"],
    ["EINVAL", "not the OPTE control device"],
    ["EIO", ""],
  ] as const)("is an error that says why and what to do: %s", async (code, words) => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.absent(code);
    const error = await errorOf(transport.call("CreateXde", port(0)));
    expect(error).toMatchObject({ kind: "driver-unavailable", code });
    expect(error).toHaveProperty("message", expect.stringMatching(new RegExp(`/dev/xde.*${code}.*${words}`)));
    expect(transport.info.unavailable).toBe((error as Error).message);
    expect(mayHaveTakenEffect(error)).toBe(false);
  });

  it("is an error of the same kind where the binding fails otherwise", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.openFails = new Error("the path has a NUL in it");
    const error = await errorOf(transport.call("ListPorts", undefined));
    expect(error).toMatchObject({ kind: "driver-unavailable", message: "/dev/xde: the path has a NUL in it" });
  });

  it("is not tried before the first call", () => {
    expect(xde().kernel.tried).toBe(0);
  });

  it("is logged once, however often it is tried", async () => {
    stopTime();
    const { kernel, log, xde: transport } = xde();
    kernel.absent();
    for (const _ of [1, 2, 3]) await errorOf(transport.call("ListPorts", undefined));
    expect(log.said).toHaveLength(1);
  });
});

describe("looking for a device that is away", () => {
  /** The seconds, of the time that passes, at which somebody tried to open it. */
  async function triesDuring(kernel: Kernel, milliseconds: number): Promise<number[]> {
    const tries: number[] = [];
    for (let now = 250; now <= milliseconds; now += 250) {
      const before = kernel.tried;
      await vi.advanceTimersByTimeAsync(250);
      if (kernel.tried > before) tries.push(now / 1000);
    }
    return tries;
  }

  it("has growing pauses between its tries, of 10 s at most", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.absent();
    await errorOf(transport.call("ListPorts", undefined));
    expect(await triesDuring(kernel, 46_000)).toEqual([0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 25.75, 35.75, 45.75]);
  });

  it("ends when it answers again, which is told once", async () => {
    stopTime();
    const { kernel, log, xde: transport } = xde();
    let returns = 0;
    transport.onReturn(() => returns++);
    kernel.absent();
    await errorOf(transport.call("ListPorts", undefined));
    kernel.openFails = undefined;
    await vi.advanceTimersByTimeAsync(250);
    await transport.call("ListPorts", undefined);
    expect({ returns, again: log.count("answers again") }).toEqual({ returns: 1, again: 1 });
    expect(transport.info.unavailable).toBeUndefined();
    const { length } = kernel.runs;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(kernel.runs).toHaveLength(length);
  });

  it("is not needed where a call finds it first", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    let returns = 0;
    transport.onReturn(() => returns++);
    kernel.absent();
    await errorOf(transport.call("ListPorts", undefined));
    kernel.openFails = undefined;
    expect(await transport.call("ListPorts", undefined)).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect({ returns, runs: kernel.runs.length }).toEqual({ returns: 1, runs: 1 });
  });

  it("has one timer, also where the device came and went while somebody looked", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.absent();
    await errorOf(transport.call("ListPorts", undefined));
    kernel.openFails = undefined;
    const { shut, open } = gate();
    kernel.held = shut;
    const found = transport.call("ListPorts", undefined);
    await vi.advanceTimersByTimeAsync(250);
    kernel.held = undefined;
    kernel.script.push(() => {
      kernel.absent();
      return failed("ENXIO");
    });
    open();
    await found;
    await vi.advanceTimersByTimeAsync(1);
    expect(vi.getTimerCount()).toBe(1);
  });

  it("ends with close", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.absent();
    await errorOf(transport.call("ListPorts", undefined));
    await transport.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect({ tried: kernel.tried, timers: vi.getTimerCount() }).toEqual({ tried: 1, timers: 0 });
  });
});

describe("a device that goes away under a command", () => {
  it.each(["ENXIO", "ENODEV", "EBADF", "ENOENT", "EIO", "ENOTTY"] as const)(
    "with %s is closed and opened again, and the command is run again",
    async (errno) => {
      const { kernel, xde: transport } = xde();
      kernel.script.push(failed(errno));
      await transport.call("SetMcast2Phys", MAPPING);
      expect(kernel).toMatchObject({ opened: 2, closed: 1 });
      expect(kernel.model.tables.m2p).toHaveLength(1);
    },
  );

  it("takes three tries at most", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed("ENXIO"), failed("ENXIO"), failed("ENXIO"));
    const error = await errorOf(transport.call("SetMcast2Phys", MAPPING));
    expect(error).toMatchObject({ kind: "driver-unavailable", code: "ENXIO", reached: true });
    expect(kernel.runs).toHaveLength(3);
  });

  it.each<[string, (transport: Transport) => Promise<unknown>]>([
    ["CreateXde", (transport) => transport.call("CreateXde", port(0))],
    ["DeleteXde", (transport) => transport.call("DeleteXde", { name: "opte0" })],
    ["AddRouterEntry", (transport) => transport.call("AddRouterEntry", ROUTE)],
    ["DelRouterEntry", (transport) => transport.call("DelRouterEntry", ROUTE)],
    ["SetXdeUnderlay", (transport) => transport.call("SetXdeUnderlay", { u1: "net0", u2: "net1" })],
  ])("is not sent %s again: it may have taken effect, and its error says so", async (_command, call) => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed("ENXIO"));
    const error = await errorOf(call(transport));
    expect(error).toBeInstanceOf(DriverUnavailable);
    expect(mayHaveTakenEffect(error)).toBe(true);
    expect(kernel).toMatchObject({ closed: 1, runs: { length: 1 } });
  });

  it("and does not open again leaves it uncertain whether the command took effect", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.script.push(() => {
      kernel.absent();
      return failed("ENXIO");
    });
    const error = await errorOf(transport.call("SetMcast2Phys", MAPPING));
    expect(error).toMatchObject({ code: "ENXIO" });
    expect(mayHaveTakenEffect(error)).toBe(true);
    expect(transport.info.unavailable).toContain("ENOENT");
  });

  it("does not make the commands that it answered before to be run twice", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push((call) => kernel.carryOut(call), failed("ENXIO"));
    await Promise.all([transport.call("CreateXde", port(0)), transport.call("SetMcast2Phys", MAPPING)]);
    expect(kernel.runs.map((run) => run.length)).toEqual([2, 1]);
  });

  it("is not held for gone because a command was interrupted by a signal, which is run again", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed("EINTR"), failed("EINTR"));
    await transport.call("SetMcast2Phys", MAPPING);
    expect(kernel).toMatchObject({ opened: 1, runs: { length: 3 } });
  });

  it("is not held for gone either where the interrupted command cannot be run again", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed("EINTR"));
    const error = await errorOf(transport.call("CreateXde", port(0)));
    expect(error).toMatchObject({ code: "EINTR", message: expect.stringContaining("a signal came first") });
    expect(mayHaveTakenEffect(error)).toBe(true);
    expect(kernel).toMatchObject({ closed: 0, runs: { length: 1 } });
  });
});
