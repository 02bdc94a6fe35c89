/** The driver's side of the ioctl: which answer comes first, what fits, and what has no answer. */
import { describe, expect, it } from "vitest";
import type { OpteError } from "../../../src/opte/error.ts";
import { IoctlModel, type IoctlRequest } from "../../../src/opte/model/ioctl.ts";
import { DriverModel, type ModelOptions } from "../../../src/opte/model/model.ts";
import { KernelPanic } from "../../../src/opte/model/refuse.ts";
import type { CommandName, Request } from "../../../src/opte/types.ts";
import { type ApiVersion, wireCommand } from "../../../src/opte/versions.ts";
import { opteError } from "../../../src/opte/wire/terms.ts";
import { decode, encode } from "../../../src/postcard/codec.ts";
import { ip } from "../../net/make.ts";
import { hex, spaced } from "../../postcard/hex.ts";
import { mapping, port } from "../kit.ts";
import { VERSIONS } from "./types.ts";

const ROOM = 16_384n;
const NOTHING = new Uint8Array();

function driverOf(version: ApiVersion = 41, options: ModelOptions = {}) {
  const model = new DriverModel(options);
  const driver = new IoctlModel(model, version);
  const answer = (change: Partial<IoctlRequest>) =>
    driver.answer({ apiVersion: BigInt(version), cmd: 1, body: NOTHING, unreadable: false, capacity: ROOM, ...change });
  /** A command by its name, with the body that belongs to it. */
  const call = <C extends CommandName>(name: C, request: Request<C>, change: Partial<IoctlRequest> = {}) => {
    const wire = wireCommand(version, name);
    if (wire === undefined) throw new Error(`API ${version} lacks ${name}`);
    const body = wire.request === undefined ? NOTHING : encode(wire.request, request);
    return answer({ cmd: wire.number, body, ...change });
  };
  return { model, answer, call };
}

type Reply = Awaited<ReturnType<IoctlModel["answer"]>>;

/** An error that was copied out. */
function failed({ copiedOut, reply, actual }: Reply): OpteError {
  expect(copiedOut).toBe(true);
  expect(reply.length).toBe(actual);
  return decode(opteError, reply).value;
}

const SET_M2P = mapping("239.1.1.1", "ff04::1");
const BODY = hex("00 ef 01 01 01  ff04 00*13 01");

describe("another API version", () => {
  it("is EPROTO before anything else is looked at, and both sides' versions are told", async () => {
    const { answer, model } = driverOf(41);
    const reply = await answer({ apiVersion: 40n, cmd: 105, body: BODY });
    expect(reply.errno).toBe(71);
    expect(failed(reply)).toEqual({ variant: "BadApiVersion", user: 40n, kernel: 41n });
    expect(model.tables.m2p).toEqual([]);
  });

  it("is found out even with a command that nobody has, and with a body that cannot be read", async () => {
    const reply = await driverOf(41).answer({ apiVersion: 2n ** 64n - 1n, cmd: 9999, unreadable: true });
    expect(failed(reply)).toEqual({ variant: "BadApiVersion", user: 2n ** 64n - 1n, kernel: 41n });
  });

  it("is EPROTO also where the reply has no room, and nothing is copied out", async () => {
    const reply = await driverOf(41).answer({ apiVersion: 40n, capacity: 2n });
    expect(reply).toEqual({ errno: 71, copiedOut: false, actual: 3, reply: NOTHING });
  });

  it.each(VERSIONS)("is any but the driver's own: %i", async (version) => {
    const { answer } = driverOf(version);
    const errnos = await Promise.all(VERSIONS.map(async (user) => (await answer({ apiVersion: BigInt(user) })).errno));
    expect(errnos).toEqual(VERSIONS.map((user) => (user === version ? 0 : 71)));
  });
});

describe("a request's body", () => {
  it("that is missing is told from one that is no good", async () => {
    const reply = await driverOf().answer({ cmd: 105 });
    expect(reply.errno).toBe(22);
    expect(failed(reply)).toEqual({ variant: "NoRequestBody" });
  });

  it("that cannot be copied in is EFAULT", async () => {
    const reply = await driverOf().answer({ cmd: 105, unreadable: true });
    expect(reply.errno).toBe(14);
    expect(failed(reply)).toEqual({ variant: "CopyinReq" });
  });

  it.each([
    ["ends early", 105, "00 ef 01", "Hit the end of buffer, expected more data"],
    ["has an underlay outside ff04::/16", 105, "00 ef010101 ff05 00*14", "Serde Deserialization Error"],
    ["has an unknown family", 105, "02 00*20", "Serde Deserialization Error"],
    ["has a text that is no UTF-8", 71, "01 ff", "Tried to parse invalid utf-8"],
    ["has a bool of 2", 92, "01 70 00 0a 00 00 00 08 02", "Found a bool that wasn't 0 or 1"],
    ["has an option of 2", 80, "01 70 02", "Found an Option discriminant that wasn't 0 or 1"],
    [
      "has a varint without an end",
      71,
      "80*10 00",
      "Found a varint that didn't terminate. Is the usize too big for this platform?",
    ],
  ])("that %s is ENOMSG in the decoder's words", async (_what, cmd, body, words) => {
    const reply = await driverOf().answer({ cmd, body: hex(body) });
    expect(reply.errno).toBe(35);
    expect(failed(reply)).toEqual({ variant: "DeserCmdReq", text: words });
  });

  it("may have bytes behind it, which nobody looks at", async () => {
    const { answer, model } = driverOf();
    const reply = await answer({ cmd: 105, body: Uint8Array.of(...BODY, 1, 2, 3) });
    expect(reply).toMatchObject({ errno: 0, copiedOut: true });
    expect(model.tables.m2p).toHaveLength(1);
  });

  it("is not looked at where the command has none", async () => {
    expect(await driverOf().answer({ cmd: 1, body: hex("ff*9") })).toMatchObject({ errno: 0 });
    expect(await driverOf().answer({ cmd: 1, unreadable: true })).toMatchObject({ errno: 0 });
  });
});

describe("the reply", () => {
  it("to an order is the single byte 00", async () => {
    const { reply, ...rest } = await driverOf().call("SetMcast2Phys", SET_M2P);
    expect(rest).toEqual({ errno: 0, copiedOut: true, actual: 1 });
    expect(spaced(reply)).toBe("00");
  });

  it("may fill its room to the last byte", async () => {
    const { call } = driverOf();
    await call("SetMcast2Phys", SET_M2P);
    const { actual } = await call("DumpMcast2Phys", undefined);
    expect(await call("DumpMcast2Phys", undefined, { capacity: BigInt(actual) })).toMatchObject({
      errno: 0,
      copiedOut: true,
      actual,
    });
  });

  it("one byte longer than its room is ENOBUFS, with the length it needs and nothing copied out", async () => {
    const { call } = driverOf();
    await call("SetMcast2Phys", SET_M2P);
    const { actual } = await call("DumpMcast2Phys", undefined);
    const short = await call("DumpMcast2Phys", undefined, { capacity: BigInt(actual - 1) });
    expect(short).toEqual({ errno: 132, copiedOut: false, actual, reply: NOTHING });
  });

  it("without room comes after the command was carried out", async () => {
    const { call, model } = driverOf();
    expect(await call("SetMcast2Phys", SET_M2P, { capacity: 0n })).toMatchObject({ errno: 132, actual: 1 });
    expect(model.tables.m2p).toHaveLength(1);
  });

  it("of an error without room is ENOBUFS, too: which error it was is not told", async () => {
    const reply = await driverOf().call("DeleteXde", { name: "nope" }, { capacity: 3n });
    expect(reply).toEqual({ errno: 132, copiedOut: false, actual: 6, reply: NOTHING });
  });

  it("of a refusal is the refusal, with its errno", async () => {
    const reply = await driverOf().call("DeleteXde", { name: "nope" });
    expect(reply.errno).toBe(2);
    expect(failed(reply)).toEqual({ variant: "PortNotFound", text: "nope" });
  });
});

describe("what brings the kernel down has no answer", () => {
  const withoutUnderlay = () => driverOf(41, { underlay: false });

  it.each([0, 2, 110, 9999, -1])("a command number that no version has: %i", async (cmd) => {
    await expect(driverOf().answer({ cmd })).rejects.toThrow(KernelPanic);
  });

  it.each([
    [38, 92],
    [38, 93],
    [38, 109],
    [39, 109],
  ] as const)("a command number that only later versions have: in %i, %i", async (version, cmd) => {
    await expect(driverOf(version).answer({ cmd })).rejects.toThrow(KernelPanic);
    await expect(driverOf(41).answer({ cmd, body: hex("01 70 00 0a 00 00 00 08 00") })).resolves.toBeDefined();
  });

  it.each([
    { u1: "net\0", u2: "net1" },
    { u1: "net0", u2: "\0" },
  ])("a NUL in the name of an underlay device: %j", async (names) => {
    await expect(withoutUnderlay().call("SetXdeUnderlay", names)).rejects.toThrow(KernelPanic);
  });

  it("unsubscribing all ports of a group before an underlay is set", async () => {
    const call = withoutUnderlay().call("McastUnsubscribeAll", { group: ip("239.1.1.1") });
    await expect(call).rejects.toThrow(KernelPanic);
  });
});

describe("a driver of any version", () => {
  it.each(VERSIONS)("makes a port and lists it: %i", async (version) => {
    const { call } = driverOf(version);
    expect(await call("CreateXde", port(0))).toMatchObject({ errno: 0, actual: 1 });
    const { reply } = await call("ListPorts", undefined);
    const listed = wireCommand(version, "ListPorts")?.response;
    expect(listed && decode(listed, reply).value).toMatchObject([{ name: "opte0", ip4: "10.0.0.10" }]);
  });
});

describe("a reply that has no form in this version", () => {
  it("is ENOMSG and nothing else: filters, in a model that was told to be of API 38", async () => {
    const { model, answer } = driverOf(38);
    await model.call("CreateXde", port(1));
    await model.call("SetMcast2Phys", SET_M2P);
    const filter = { mode: "include", sources: [ip("10.0.0.9")] } as const;
    await model.call("McastSubscribe", { port: port(1).name, group: SET_M2P.group, filter });
    expect(await answer({ cmd: 107 })).toEqual({ errno: 35, copiedOut: false, actual: 0, reply: NOTHING });
  });
});
