import { constants } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, rawReply } from "./frame-server.ts";
import { OBSTACLE, Probe } from "./probe.ts";

const { EBUSY, ENOBUFS, EPROTO } = constants.errno;
const OK = "ok flags=1 actual=5";
const MIB = 1 << 20;

describe.skipIf(OBSTACLE !== undefined)(
  `commands on the fake /dev/xde${OBSTACLE ? ` (skipped: ${OBSTACLE})` : ""}`,
  () => {
    let probe: Probe;
    beforeAll(() => {
      probe = new Probe();
    });
    afterAll(() => probe.remove());

    it("carries the struct and the request to the server, and its reply back", async () => {
      const server = await probe.server();
      expect(await probe.run(server.path, "in-turns", "1")).toEqual([OK]);
      expect(server.commands).toEqual([
        {
          kind: "command",
          cmd: 7,
          apiVersion: 41n,
          reqLen: 5n,
          respLen: 64n,
          faults: 0,
          request: Buffer.from("hello"),
          connection: 0,
        },
      ]);
    });

    it("knows one request number, sign-extended or not, and answers ENOTTY to others", async () => {
      const server = await probe.server();
      expect(await probe.run(server.path, "numbers")).toEqual(["ENOTTY", "ENOTTY", "ok"]);
      expect(server.commands).toHaveLength(1);
    });

    it.each([0, 1, 65_492, 65_493, MIB, 16 * MIB])("carries %d bytes there and back", async (size) => {
      const server = await probe.server();
      expect(await probe.run(server.path, "echo", String(size))).toEqual([`ok flags=1 actual=${size}`, "same", OK]);
      expect(server.commands[0]?.request).toHaveLength(size);
      expect(server.accepted).toBe(1);
    });

    it("answers EFAULT to a struct that cannot be read, and sends nothing", async () => {
      const server = await probe.server();
      expect(await probe.run(server.path, "pointers", "struct")).toEqual(["EFAULT", "EFAULT", "EFAULT"]);
      expect(server.commands).toEqual([]);
    });

    it.each([
      ["cannot be read", "request", 9n],
      ["is over 16 MiB", "huge", 16n * BigInt(MIB) + 1n],
    ])("tells the server of a request that %s, and sends none of it", async (_, which, reqLen) => {
      const server = await probe.server();
      server.onCommand = ({ faults, request }) =>
        faults === 1 ? { errno: EBUSY, bytes: Buffer.from("no") } : { bytes: request };
      expect(await probe.run(server.path, "pointers", which)).toEqual(["EBUSY flags=1 actual=2", OK]);
      expect(server.commands[0]).toMatchObject({ faults: 1, reqLen, request: Buffer.alloc(0) });
    });

    it("answers EFAULT without the flag, but with the length, when the reply cannot be written", async () => {
      const server = await probe.server();
      server.onCommand = () => ({ bytes: Buffer.alloc(9) });
      const lines = await probe.run(server.path, "pointers", "reply");
      expect(lines).toEqual(["EFAULT flags=0 actual=9", "ok flags=1 actual=9"]);
    });

    it("keeps EPROTO, which another version always is, when the reply cannot be written", async () => {
      const server = await probe.server();
      server.onCommand = () => ({ errno: EPROTO, bytes: Buffer.alloc(9) });
      const lines = await probe.run(server.path, "pointers", "reply");
      expect(lines[0]).toBe("EPROTO flags=0 actual=9");
    });

    it("answers EFAULT when the struct cannot be written back, unless the command failed itself", async () => {
      const server = await probe.server();
      expect(await probe.run(server.path, "pointers", "read-only")).toEqual(["EFAULT flags=0 actual=0"]);
      server.onCommand = () => ({ errno: EBUSY });
      expect(await probe.run(server.path, "pointers", "read-only")).toEqual(["EBUSY flags=0 actual=0"]);
    });

    it("gives the struct back on an error, with the bytes that explain it", async () => {
      const server = await probe.server();
      server.onCommand = () => ({ errno: EPROTO, bytes: Buffer.from("why") });
      expect(await probe.run(server.path, "in-turns", "1")).toEqual(["EPROTO flags=1 actual=3"]);
    });

    it("says what a reply needs that does not fit, and leaves the caller's own flags in place", async () => {
      const server = await probe.server();
      server.onCommand = ({ respLen }) =>
        respLen === 2n ? { errno: ENOBUFS, needed: 5000 } : { bytes: Buffer.alloc(5) };
      expect(await probe.run(server.path, "pointers", "tiny")).toEqual(["ENOBUFS flags=4 actual=5000", OK]);
    });

    const broken: readonly (readonly [string, Buffer])[] = [
      ["more reply bytes than the caller has room for", rawReply(0, 1, 65n, Buffer.alloc(65))],
      ["fewer bytes than it says", rawReply(0, 1, 6n, Buffer.alloc(5))],
      ["bytes without the flag", rawReply(0, 0, 5n, Buffer.alloc(5))],
      ["flags that nobody knows", rawReply(0, 2, 0n, Buffer.alloc(0))],
      ["a negative errno", rawReply(-14, 0, 0n, Buffer.alloc(0))],
      ["a frame without a whole head", Buffer.concat([Buffer.from([8, 0, 0, 0]), Buffer.alloc(16)])],
      ["a second reply", Buffer.concat([rawReply(0, 0, 0n, Buffer.alloc(0)), rawReply(0, 0, 0n, Buffer.alloc(0))])],
    ];
    it.each(broken)(
      "answers EIO to a server that sends %s, and starts again with a new connection",
      async (_, frame) => {
        const server = await probe.server();
        server.onCommand = ({ connection, request }): Answer => (connection === 0 ? frame : { bytes: request });
        const turns = await probe.run(server.path, "in-turns", "2");
        expect(turns).toEqual(["EIO flags=0 actual=0", OK]);
        expect(server.accepted).toBe(2);
      },
    );

    it("works where the calls that copy between processes are forbidden", async () => {
      const server = await probe.server();
      server.onCommand = ({ request }) => ({ bytes: request.length === 5 ? Buffer.alloc(9) : request });
      const lines = await probe.run(server.path, "sandboxed", String(MIB));
      const nine = "ok flags=1 actual=9";
      expect(lines.slice(0, 3)).toEqual([`ok flags=1 actual=${MIB}`, "same", nine]);
      expect(lines.slice(3)).toEqual(["EFAULT", "EFAULT", "EFAULT", "EFAULT flags=0 actual=9", nine]);
    });
  },
);
