/** Which OPTE API version is spoken: the kernel's, where it is one that can be served. */
import { describe, expect, it, vi } from "vitest";
import { UnservedVersion } from "../../src/opte/error.ts";
import { CreateXdeReq39, CreateXdeReq41 } from "../../src/opte/wire/ports.ts";
import { decode } from "../../src/postcard/codec.ts";
import { mapping, port } from "./kit.ts";
import { errorOf, otherVersion, settled, stopTime, xde } from "./xde-kit.ts";

const SWITCHED = "the driver speaks OPTE API 40";

describe("a kernel of API 40", () => {
  it("is spoken to in 40 from its first refusal on, which is logged once", async () => {
    const { kernel, log, xde: transport } = xde();
    kernel.version = 40;
    await transport.call("ListPorts", undefined);
    await transport.call("DumpMcast2Phys", undefined);
    expect(kernel.calls.map(({ apiVersion }) => apiVersion)).toEqual([41, 40, 40]);
    expect(transport.info.apiVersion).toBe(40);
    expect(log.said).toMatchObject([{ level: "info", fields: { api_version: 40, before: 41 } }]);
  });

  it("gets all calls again that were under way, and the log says it once", async () => {
    const { kernel, log, xde: transport } = xde();
    kernel.version = 40;
    const calls = [1, 2, 3].map((n) => transport.call("SetMcast2Phys", mapping(`239.1.1.${n}`, "ff04::1")));
    await Promise.all(calls);
    expect(kernel.runs.map((run) => run.map(({ apiVersion }) => apiVersion))).toEqual([
      [41, 41, 41],
      [40, 40, 40],
    ]);
    expect(kernel.model.tables.m2p).toHaveLength(3);
    expect(log.count(SWITCHED)).toBe(1);
  });

  it("gets CreateXde in the form that 40 has", async () => {
    const { kernel, xde: transport } = xde();
    kernel.version = 40;
    await transport.call("CreateXde", port(0));
    const [first, second] = kernel.calls.map(({ request }) => request ?? new Uint8Array());
    expect(decode(CreateXdeReq41, first ?? new Uint8Array())).toMatchObject({ value: { mtu: null }, trailing: 0 });
    expect(decode(CreateXdeReq39, second ?? new Uint8Array())).toMatchObject({
      value: { xde_devname: "opte0" },
      trailing: 0,
    });
  });

  it("that becomes 41 again is spoken to in 41 again", async () => {
    const { kernel, xde: transport } = xde();
    for (const version of [40, 41] as const) {
      kernel.version = version;
      await transport.call("ListPorts", undefined);
      expect(transport.info.apiVersion).toBe(version);
    }
  });

  it("that changes its version with every answer is given up on after three tries", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(otherVersion(40n), otherVersion(41n), otherVersion(40n));
    const error = await errorOf(transport.call("ListPorts", undefined));
    expect(error).toMatchObject({ kind: "driver-unavailable", reached: false });
    expect(kernel.runs).toHaveLength(3);
  });
});

describe("a kernel whose version is not served", () => {
  it.each([38n, 39n, 42n, 2n ** 63n])("is refused by a message that names both sides: %i", async (version) => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(otherVersion(version));
    const error = await errorOf(transport.call("ListPorts", undefined));
    expect(error).toBeInstanceOf(UnservedVersion);
    expect(error).toMatchObject({ kind: "driver-unavailable", kernel: version, reached: false });
    expect(error).toHaveProperty(
      "message",
      expect.stringMatching(new RegExp(`API ${version}, .* 40 and 41: install `)),
    );
  });

  it("is told to all calls of the run, and in one line of the log", async () => {
    stopTime();
    const { kernel, log, xde: transport } = xde();
    kernel.version = 39;
    const errors = await Promise.all([1, 2].map(() => errorOf(transport.call("ListPorts", undefined))));
    expect(errors.map((error) => error instanceof UnservedVersion)).toEqual([true, true]);
    expect(log.said.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  it("stays the reason in info for as long as it is there, and is not taken for a return", async () => {
    stopTime();
    const { kernel, log, xde: transport } = xde();
    let returns = 0;
    transport.onReturn(() => returns++);
    kernel.version = 39;
    await errorOf(transport.call("ListPorts", undefined));
    expect({ returns, again: log.count("answers again") }).toEqual({ returns: 0, again: 0 });
    expect(transport.info.unavailable).toMatch(/API 39/);
  });

  it("serves again, without being asked, when it is one that can be", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.version = 39;
    await errorOf(transport.call("ListPorts", undefined));
    let returns = 0;
    transport.onReturn(() => returns++);
    kernel.version = 41;
    await vi.advanceTimersByTimeAsync(10_000);
    expect({ returns, unavailable: transport.info.unavailable }).toEqual({ returns: 1, unavailable: undefined });
  });

  it("does not change what is spoken afterwards", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(otherVersion(39n));
    await errorOf(transport.call("ListPorts", undefined));
    expect(await transport.call("ListPorts", undefined)).toEqual([]);
    await settled();
    expect(transport.info).toMatchObject({ apiVersion: 41 });
    expect(transport.info.unavailable).toBeUndefined();
  });
});
