/** Large bodies of requests that wait: together they are bounded. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Sled } from "../harness/sled.ts";
import { expectDone, expectError } from "./expect.ts";
import { exchange, listen, openSocket, type WireAnswer } from "./wire.ts";

const MIB = 1 << 20;

let sled: Sled;
beforeEach(async () => {
  sled = await Sled.start();
});
afterEach(() => sled.close());

/** A mapping with what nobody asked for, to be as large as it has to be. */
const mapping = (bytes: number) => ({ group: "239.1.1.1", underlay: "ff04::1", padding: "x".repeat(bytes) });
const send = (bytes: number) => sled.put("/networking/mcast-m2p", mapping(bytes));

/** Requests under way whose bodies have that many bytes; ends with what is returned. */
function underWay(bytes: number): () => void {
  const room = sled.app.largeBodies.take(bytes);
  return () => room.release();
}

describe("with 64 MiB of large bodies under way", () => {
  test("another large one is 503 LANE_FULL with Retry-After, and changes nothing", async () => {
    underWay(64 * MIB);
    const answer = await send(20_000);
    expectError(answer, { status: 503, code: "LANE_FULL" });
    expect(answer.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
    expect(sled.mappings).toEqual({});
  });

  test("small ones are served", async () => {
    underWay(64 * MIB);
    expectDone(await send(10_000));
  });

  test("large ones are served again when those were answered", async () => {
    underWay(64 * MIB)();
    expectDone(await send(20_000));
  });
});

test("a large body counts while its request waits for the driver, and not after", async () => {
  const letGo = sled.hold("SetMcast2Phys");
  const waiting = send(MIB - 1000);
  await expect.poll(() => sled.agent.status().driver.busyWith?.command).toBe("SetMcast2Phys");
  underWay(63 * MIB);
  expectError(await send(20_000), { status: 503, code: "LANE_FULL" });
  letGo();
  expectDone(await waiting);
  expectDone(await send(20_000));
});

test("a large body that is refused does not count", async () => {
  underWay(63 * MIB);
  for (const _ of Array(3)) {
    const padded = { ...mapping(MIB - 1000), group: "10.0.0.1" };
    expectError(await sled.put("/networking/mcast-m2p", padded), { status: 400, names: "group" });
    expectError(await sled.put("/networking/mcast-m2p", `{"padding":"${"x".repeat(MIB - 1000)}"`), { status: 400 });
  }
  expectDone(await send(MIB - 1000));
});

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

async function sendInChunks(port: number, body: object): Promise<WireAnswer> {
  const [answer] = await exchange(
    port,
    `PUT /networking/mcast-m2p HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunk(JSON.stringify(body))}${chunk("")}`,
  );
  if (answer === undefined) throw new Error("no answer");
  return answer;
}

describe("a body that is still to come", () => {
  const M2P = "/networking/mcast-m2p";
  const head = (fields: string, path = M2P) => `PUT ${path} HTTP/1.1\r\nhost: localhost\r\n${fields}\r\n\r\n`;
  const sockets: Socket[] = [];
  let port: number;
  beforeEach(async () => {
    port = await listen(sled);
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  async function begun(text: string): Promise<Socket> {
    const socket = await openSocket(port);
    sockets.push(socket);
    socket.write(text);
    return socket;
  }

  /** Whether there is no room for another of 33 MiB. */
  function isTaken(): boolean {
    try {
      sled.app.largeBodies.take(33 * MIB).release();
      return false;
    } catch {
      return true;
    }
  }

  test("has its room from the moment that it is announced, and gives it back when its client goes away", async () => {
    const socket = await begun(head("content-length: 33554432", "/multicast/config"));
    await expect.poll(isTaken).toBe(true);
    socket.destroy();
    await expect.poll(isTaken).toBe(false);
  });

  test("is refused where there is no room for it, before any of it is read", async () => {
    const letGo = underWay(64 * MIB);
    const socket = await begun(head("content-length: 3000000", "/multicast/config"));
    expect(String((await once(socket, "data"))[0])).toContain("503 Service Unavailable");
    letGo();
  });

  test("of no announced length takes room as it comes, and is 503 when there is no more", async () => {
    const letGo = underWay(64 * MIB - 100_000);
    const [answer] = await exchange(port, head("transfer-encoding: chunked") + chunk("x".repeat(120_000)) + chunk(""));
    expectError(answer as WireAnswer, { status: 503, code: "LANE_FULL" });
    letGo();
    await expect.poll(isTaken).toBe(false);
  });

  test("of no announced length takes nothing while little has come", async () => {
    const letGo = underWay(64 * MIB);
    await begun(head("transfer-encoding: chunked") + chunk("x".repeat(1000)));
    expectDone(await sendInChunks(port, mapping(10_000)));
    letGo();
  });

  test("that is over the limit takes none, and is 413", async () => {
    const letGo = underWay(64 * MIB);
    const socket = await begun(head("content-length: 3000000"));
    expect(String((await once(socket, "data"))[0])).toContain("413 Payload Too Large");
    letGo();
  });
});
