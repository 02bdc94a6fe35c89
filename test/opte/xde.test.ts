/** The call loop over a device: room for replies, errors and their words, and what goes together. */
import { describe, expect, it } from "vitest";
import { Driver } from "../../src/opte/driver.ts";
import { DriverError, DriverUnavailable } from "../../src/opte/error.ts";
import type { CommandName } from "../../src/opte/types.ts";
import { ip } from "../net/make.ts";
import { mapping, port, subscription } from "./kit.ts";
import { rule } from "./layers-kit.ts";
import { errorOf, failed, gate, type Kernel, numberOf, refused, settled, stopTime, wrote, xde } from "./xde-kit.ts";

const MAPPING = mapping("239.1.1.1", "ff04::1");
const capacities = (kernel: Kernel) => kernel.calls.map(({ capacity }) => capacity);

describe("room for a reply", () => {
  it("is 16 KiB at first", async () => {
    const { kernel, xde: transport } = xde();
    await transport.call("ListPorts", undefined);
    expect(capacities(kernel)).toEqual([16_384]);
  });

  it("grows past what was asked for when the reply did not fit, and the command is run again", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed("ENOBUFS", 20_000), failed("ENOBUFS", 1_000_000));
    expect(await transport.call("DumpMcast2Phys", undefined)).toEqual([]);
    const [, second = 0, third = 0] = capacities(kernel);
    expect(second).toBeGreaterThanOrEqual(20_000 + 4096);
    expect(third).toBeGreaterThanOrEqual(1_000_000 + 100_000);
  });

  it("lets a table through that is larger than the first room", async () => {
    const { xde: transport } = xde();
    for (let n = 0; n < 1000; n++)
      await transport.call("SetMcast2Phys", mapping(`239.1.${n >> 8}.${n & 255}`, "ff04::1"));
    expect(await transport.call("DumpMcast2Phys", undefined)).toHaveLength(1000);
  });

  it.each([
    ["DumpLayer", { port: "opte0", layer: "firewall" }],
    ["ListLayers", { port: "opte0" }],
    ["DumpUft", { port: "opte0" }],
    ["DumpTcpFlows", { port: "opte0" }],
    ["DumpVirt2Boundary", undefined],
  ] as const)("grows for every table: %s", async (command, req) => {
    const { kernel, xde: transport } = xde();
    await kernel.model.call("CreateXde", port(0));
    kernel.model.setPort({ name: "opte0", state: "running" });
    kernel.script.push(failed("ENOBUFS", 20_000));
    await transport.call(command, req);
    expect(kernel.runs).toHaveLength(2);
  });

  it("lets a layer of more rules through than the first room has", async () => {
    const { kernel, xde: transport } = xde();
    await kernel.model.call("CreateXde", port(0));
    await kernel.model.call("SetFwRules", { port: "opte0", rules: Array.from({ length: 1000 }, () => rule()) });
    const dump = await transport.call("DumpLayer", { port: "opte0", layer: "firewall" });
    expect(dump.in.rules).toHaveLength(1000);
  });

  it("is given up on after the third try of a reply that keeps growing, as something to try again", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(...[20_000, 40_000, 80_000].map((needed) => failed("ENOBUFS", needed)));
    const error = await errorOf(transport.call("DumpMcast2Phys", undefined));
    expect(error).toMatchObject({ kind: "driver-busy", message: expect.stringMatching(/DumpMcast2Phys.*3 times/) });
    expect(kernel.runs).toHaveLength(3);
  });

  it.each([
    ["no more than it has", 100],
    ["more than any table has", 2 ** 40],
  ])("that a driver wants with %s is not believed", async (_what, needed) => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed("ENOBUFS", needed));
    const error = await errorOf(transport.call("DumpMcast2Phys", undefined));
    expect(error).toMatchObject({ kind: "driver-unavailable", message: expect.stringContaining(String(needed)) });
    expect(kernel.runs).toHaveLength(1);
  });
});

describe("a command that failed", () => {
  it("is told by the driver's own error, whatever the errno", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(refused({ variant: "PortNotFound", text: "opte9" }, "ENXIO"));
    const error = await errorOf(transport.call("ClearUft", { port: "opte9" }));
    expect(error).toBeInstanceOf(DriverError);
    expect(error).toMatchObject({ command: "ClearUft", opte: { variant: "PortNotFound", text: "opte9" } });
    expect(kernel).toMatchObject({ opened: 1, closed: 0 });
  });

  it.each([
    ["EPROTO", "another API version"],
    ["EFAULT", "could not read the request or write the reply"],
    ["ENOMSG", "could not decode the request or encode the reply"],
    ["EPERM", "permission denied"],
    ["EDOM", "no reason"],
  ] as const)("without a body speaks by its errno: %s", async (name, words) => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed(name));
    const error = await errorOf(transport.call("ListPorts", undefined));
    expect(error).toBeInstanceOf(DriverUnavailable);
    expect(error).toMatchObject({ kind: "driver-unavailable", code: name, reached: true });
    expect(error).toHaveProperty("message", expect.stringMatching(new RegExp(`ListPorts.*${name}.*${words}`)));
  });

  it("with a body that nobody can read is a DeserCmdErr, as the Rust client has it", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(wrote(Uint8Array.of(99, 1, 2), 5));
    expect(await errorOf(transport.call("ListPorts", undefined))).toMatchObject({ opte: { variant: "DeserCmdErr" } });
  });

  it("does not keep the others of its run from theirs", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed("EFAULT"));
    const [first, second] = await Promise.allSettled([
      transport.call("DumpMcast2Phys", undefined),
      transport.call("ListPorts", undefined),
    ]);
    expect([first.status, second.status]).toEqual(["rejected", "fulfilled"]);
  });
});

describe("a response", () => {
  it("that cannot be read is an error that says where", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(wrote(Uint8Array.of(5, 1)));
    const error = await errorOf(transport.call("ListPorts", undefined));
    expect(error).toMatchObject({ kind: "driver-unavailable", reached: true });
    expect(error).toHaveProperty("message", expect.stringMatching(/reply to ListPorts cannot be read.*byte/));
  });

  it("that was never written is an error, although the command succeeded", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push({ errno: 0, copiedOut: false, actual: 0, reply: new Uint8Array() });
    const error = await errorOf(transport.call("SetMcast2Phys", MAPPING));
    expect(error).toMatchObject({ kind: "driver-unavailable", reached: true });
  });

  it("longer than its type is taken, and warned of once for each command", async () => {
    const { kernel, log, xde: transport } = xde();
    for (const _ of [1, 2]) {
      kernel.script.push(wrote(Uint8Array.of(0, 7, 7)));
      expect(await transport.call("ListPorts", undefined)).toEqual([]);
    }
    kernel.script.push(wrote(Uint8Array.of(0, 7)));
    await transport.call("SetMcast2Phys", MAPPING);
    expect(log.said).toMatchObject([
      { level: "warn", fields: { command: "ListPorts", bytes: 2 } },
      { level: "warn", fields: { command: "SetMcast2Phys", bytes: 1 } },
    ]);
  });
});

describe("calls", () => {
  it("made in one turn go in one run, in their order", async () => {
    const { kernel, xde: transport } = xde();
    await Promise.all([transport.call("SetMcast2Phys", MAPPING), transport.call("DumpMcast2Phys", undefined)]);
    expect(kernel.runs.map((run) => run.map(({ cmd }) => cmd))).toEqual([
      [numberOf("SetMcast2Phys"), numberOf("DumpMcast2Phys")],
    ]);
  });

  it("that come while a run is under way wait for it and go together", async () => {
    const { kernel, xde: transport } = xde();
    const { shut, open } = gate();
    kernel.held = shut;
    const first = transport.call("ListPorts", undefined);
    await settled();
    const second = transport.call("SetMcast2Phys", MAPPING);
    await settled();
    const third = transport.call("DumpMcast2Phys", undefined);
    await settled();
    expect(kernel.runs).toHaveLength(1);
    kernel.held = undefined;
    open();
    expect(await Promise.all([first, second, third])).toEqual([[], undefined, [MAPPING]]);
    expect(kernel.runs.map((run) => run.length)).toEqual([1, 2]);
  });

  it("of a command that the version lacks are not sent", async () => {
    const { kernel, xde: transport } = xde();
    const lacking = "DumpEverything" as CommandName;
    const error = await errorOf(transport.call(lacking, undefined));
    expect(error).toMatchObject({ kind: "driver-refused", message: expect.stringMatching(/41.*DumpEverything/) });
    expect(kernel).toMatchObject({ tried: 0, runs: [] });
  });
});

describe("what would make the kernel panic is not sent to the device", () => {
  const driven = () => {
    const { kernel, xde: transport } = xde();
    return { kernel, driver: new Driver(transport) };
  };

  it.each<[string, (driver: Driver) => Promise<unknown>]>([
    ["a NUL in the name of a new port", (driver) => driver.createXde(port(0, { name: "op\0te" }))],
    ["a NUL in the name of a port to delete", (driver) => driver.deleteXde("opte0\0")],
    ["a NUL in the name of an underlay device", (driver) => driver.setXdeUnderlay("net0", "net1\0")],
    ["a NUL in a subscriber's name", (driver) => driver.mcastSubscribe(subscription("\0", "239.1.1.1"))],
    ["a new port's name of 19 characters", (driver) => driver.createXde(port(0, { name: "a".repeat(19) }))],
  ])("%s", async (_what, call) => {
    const { kernel, driver } = driven();
    expect(await errorOf(call(driver))).toMatchObject({ kind: "bad-request" });
    expect(kernel).toMatchObject({ tried: 0, runs: [] });
  });

  it("unsubscribing all of a group where there is no port", async () => {
    const { kernel, driver } = driven();
    await driver.mcastUnsubscribeAll({ group: ip("239.1.1.1") });
    expect(kernel.calls.map(({ cmd }) => cmd)).toEqual([numberOf("ListPorts")]);
  });
});
