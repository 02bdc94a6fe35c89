import { constants } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rawReply } from "./frame-server.ts";
import { OBSTACLE, Probe, WITH_FAKE_XDE } from "./probe.ts";

const { EBUSY } = constants.errno;
const OK = "ok flags=1 actual=5";
const GONE = "ENXIO flags=0 actual=0";

describe.skipIf(OBSTACLE !== undefined)(
  `the fake /dev/xde over time${OBSTACLE ? ` (skipped: ${OBSTACLE})` : ""}`,
  () => {
    let probe: Probe;
    beforeAll(() => {
      probe = new Probe();
    });
    afterAll(() => probe.remove());

    /** So many commands by one process, with something done between each two. */
    function inTurns(socket: string, count: number, turn: (nth: number) => Promise<void>): Promise<string[]> {
      return probe.start(WITH_FAKE_XDE, [socket, probe.program, "in-turns", "/dev/xde", String(count)], { turn });
    }

    it("stays the device under a duplicate of its descriptor", async () => {
      const server = await probe.server();
      expect(await probe.run(server.path, "duplicates")).toEqual([OK, OK, OK]);
    });

    it("is not taken for another file that has its number after a close behind the object's back", async () => {
      const server = await probe.server();
      expect(await probe.run(server.path, "reused")).toEqual([OK, "same number", "ENOTTY flags=0 actual=0"]);
      expect(server.commands).toHaveLength(1);
    });

    it("makes a new connection when its own was closed behind its back, and touches no file under the old number", async () => {
      const server = await probe.server();
      expect(await probe.run(server.path, "swept")).toEqual([OK, OK, "8 strangers untouched"]);
      expect(server.accepted).toBe(2);
    });

    it("works in a forked child, over a connection of its own", async () => {
      const server = await probe.server();
      expect(await probe.run(server.path, "forked")).toEqual([OK, OK, OK]);
      expect(server.commands.map(({ connection }) => connection)).toEqual([0, 1, 0]);
      expect(server.opens).toHaveLength(1);
    });

    it("gives each of 8 threads its own connection, which ends with the thread", async () => {
      const server = await probe.server();
      const turn = async () => {
        // The main thread, which opened the device, is still there and waits for us; the eight are gone.
        while (server.open.size > 1) await new Promise((resolve) => [...server.open][1]?.once("close", resolve));
      };
      const lines = await probe.start(WITH_FAKE_XDE, [server.path, probe.program, "threads", "/dev/xde"], { turn });
      expect(lines).toEqual([]);
      expect(server.accepted).toBe(9);
      const perConnection: number[] = Array(8).fill(0);
      for (const { connection } of server.commands)
        perConnection[connection - 1] = (perConnection[connection - 1] ?? 0) + 1;
      expect(perConnection).toEqual(Array(8).fill(50));
    });

    it("fails with ENXIO when the server dies over a command, and tries a new connection with the next", async () => {
      const server = await probe.server();
      server.onCommand = ({ connection, request }) => (connection === 0 ? "hang up" : { bytes: request });
      expect(await probe.run(server.path, "in-turns", "2")).toEqual([GONE, OK]);
      expect(server.commands).toHaveLength(2);
    });

    it("fails with ENXIO when the server dies in the middle of a reply", async () => {
      const server = await probe.server();
      server.onCommand = ({ connection, request }) => {
        if (connection > 0) return { bytes: request };
        const half = Buffer.alloc(24);
        half.writeUInt32LE(21);
        half.writeUInt32LE(1, 8);
        half.writeUInt32LE(5, 12);
        setImmediate(() => server.hangUp());
        return half.subarray(0, 22);
      };
      expect(await inTurns(server.path, 2, async () => {})).toEqual([GONE, OK]);
      expect(server.accepted).toBe(2);
    });

    it("notices that a server was started again between two commands", async () => {
      const server = await probe.server();
      const lines = await inTurns(server.path, 2, async () => {
        await server.close();
        await server.listen();
      });
      expect(lines).toEqual([OK, OK]);
      expect(server.commands.map(({ connection }) => connection)).toEqual([0, 1]);
    });

    it("notices that a server ended an idle connection", async () => {
      const server = await probe.server();
      expect(await inTurns(server.path, 3, () => server.hangUp())).toEqual([OK, OK, OK]);
      expect(server.accepted).toBe(3);
    });

    it("does not take bytes that came unasked for the answer to the next command", async () => {
      const server = await probe.server();
      const unasked = rawReply(EBUSY, 0, 0n, Buffer.alloc(0));
      const lines = await inTurns(server.path, 2, async () => {
        await Promise.all([...server.open].map((socket) => new Promise((resolve) => socket.write(unasked, resolve))));
      });
      expect(lines).toEqual([OK, OK]);
      expect(server.accepted).toBe(2);
    });

    it("fails with ENXIO for as long as nobody listens, and works on the old descriptor when somebody does again", async () => {
      const server = await probe.server();
      const lines = await inTurns(server.path, 4, async (nth) => {
        if (nth === 0) await server.close();
        if (nth === 2) await server.listen();
      });
      expect(lines).toEqual([OK, GONE, GONE, OK]);
      expect(server.opens).toHaveLength(1);
    });
  },
);
