/** The model behind its socket: an exchange at a time, and what ends a connection. */
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { DriverModel, type ModelOptions } from "../../src/opte/model/model.ts";
import type { CommandName, Request } from "../../src/opte/types.ts";
import { wireCommand } from "../../src/opte/versions.ts";
import { encode } from "../../src/postcard/codec.ts";
import { controlFrame } from "../../src/xde-model/frames.ts";
import { XdeModelServer } from "../../src/xde-model/server.ts";
import { ip } from "../net/make.ts";
import { mapping, ownFolder } from "../opte/kit.ts";
import { Records } from "../opte/xde-kit.ts";
import { Connection, commandFrame, ofKind, openFrame } from "./kit.ts";

const NOTHING = new Uint8Array();
const OK = { errno: 0, copiedOut: true, actual: 1, reply: [0] };

function command<C extends CommandName>(name: C, req: Request<C>, apiVersion = 41n): Buffer {
  const wire = wireCommand(41, name);
  const body = wire?.request === undefined ? NOTHING : encode(wire.request, req);
  return commandFrame({ cmd: wire?.number ?? -1, apiVersion, capacity: 16_384n, unreadable: false, body });
}

const set = (n: number) => command("SetMcast2Phys", mapping(`239.1.1.${n}`, "ff04::1"));

async function served(options: ModelOptions = {}, style: "linux" | "illumos" = "linux") {
  const model = new DriverModel(options);
  const log = new Records();
  const server = new XdeModelServer({ model, log, errnoStyle: style });
  const socket = path.join(ownFolder(), "xde.sock");
  await server.listen(socket);
  onTestFinished(() => server.close());
  const connected = () => {
    const connection = new Connection(socket);
    onTestFinished(() => connection.end());
    return connection;
  };
  return { model, log, server, connected };
}

describe("a connection", () => {
  it("is answered frame by frame, in order, also those that came together", async () => {
    const { model, connected } = await served();
    const connection = connected();
    connection.send(openFrame(), set(1), set(2));
    expect(await connection.reply()).toMatchObject({ errno: 0, copiedOut: false });
    expect([await connection.reply(), await connection.reply()]).toEqual([OK, OK]);
    expect(model.tables.m2p).toHaveLength(2);
  });

  it("that waits for a slow command does not keep another", async () => {
    const { model, connected } = await served();
    const [slow, quick] = [connected(), connected()];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const call = model.call.bind(model);
    model.call = async (name, req) => {
      if (name === "ListPorts") await held;
      return call(name, req);
    };
    slow.send(command("ListPorts", undefined));
    quick.send(set(1));
    expect(await quick.reply()).toEqual(OK);
    release();
    expect(await slow.reply()).toEqual(OK);
  });

  it("whose open is to fail is told the errno in its own numbers", async () => {
    const { server, connected } = await served();
    server.moods.openFails = "EBUSY";
    const connection = connected();
    connection.send(openFrame());
    expect(await connection.reply()).toMatchObject({ errno: 16, copiedOut: false });
  });

  it.runIf(process.platform === "linux").each([
    ["linux", 105],
    ["illumos", 132],
  ] as const)("gets errors in the numbers of %s", async (style, enobufs) => {
    const { connected } = await served({}, style);
    const connection = connected();
    connection.send(commandFrame({ cmd: 1, apiVersion: 41n, capacity: 0n, unreadable: false, body: NOTHING }));
    expect(await connection.reply()).toEqual({ errno: enobufs, copiedOut: false, actual: 1, reply: [] });
  });

  it("is answered by the version that an order set", async () => {
    const { connected } = await served();
    const connection = connected();
    connection.send(controlFrame({ order: "api-version", version: 40 }), command("ListPorts", undefined));
    connection.send(command("ListPorts", undefined, 40n));
    expect(await connection.reply()).toMatchObject({ errno: 0, copiedOut: true });
    expect(await connection.reply()).toMatchObject({ errno: 71 });
    expect(await connection.reply()).toEqual(OK);
  });
});

describe("what ends a connection, and only that one:", () => {
  it.each([
    ["a frame of an unknown kind", ofKind(7, Buffer.alloc(36))],
    ["a command shorter than its header", ofKind(2, Buffer.alloc(4))],
    ["a length that nothing honest has", Buffer.alloc(4, 255)],
  ])("%s, which is logged", async (_what, bytes) => {
    const { log, connected } = await served();
    const [bad, good] = [connected(), connected()];
    bad.send(bytes);
    expect(await bad.reply()).toBe("closed");
    expect(log.said).toMatchObject([{ level: "error", message: expect.stringContaining("not the protocol") }]);
    good.send(set(1));
    expect(await good.reply()).toEqual(OK);
  });

  it("a command that would bring the kernel down, which is kept and logged", async () => {
    const { server, log, connected } = await served({ underlay: false });
    const [bad, good] = [connected(), connected()];
    bad.send(command("McastUnsubscribeAll", { group: ip("239.1.1.1") }));
    expect(await bad.reply()).toBe("closed");
    expect(server.panics).toHaveLength(1);
    expect(log.count("the kernel would have panicked")).toBe(1);
    good.send(set(1));
    expect(await good.reply()).toEqual(OK);
  });

  it("a command that a script cut off, which nobody need hear of", async () => {
    const { log, connected } = await served();
    const [cut, good] = [connected(), connected()];
    good.send(controlFrame({ order: "cut", command: "ListPorts" }));
    expect(await good.reply()).toMatchObject({ errno: 0 });
    cut.send(command("ListPorts", undefined));
    expect(await cut.reply()).toBe("closed");
    expect(log.said).toEqual([]);
  });

  it("an end in the middle of a frame, which nobody need hear of", async () => {
    const { log, connected } = await served();
    const [half, good] = [connected(), connected()];
    half.send(set(1).subarray(0, 20));
    half.end();
    good.send(set(2));
    expect(await good.reply()).toEqual(OK);
    expect(log.said).toEqual([]);
  });

  it("an order that is no JSON does not: its answer is the reason", async () => {
    const { connected } = await served();
    const connection = connected();
    connection.send(ofKind(3, Buffer.from("\0\0\0\0{")));
    const answer = await connection.reply();
    expect(answer).not.toBe("closed");
    const text = Buffer.from(answer === "closed" ? [] : answer.reply).toString();
    expect(JSON.parse(text)).toEqual({ error: expect.stringContaining("JSON") });
  });
});
