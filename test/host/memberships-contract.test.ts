/** What `src/host/memberships.ts` promises of both bindings, with the kernel's own table as the judge. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Binding } from "../../src/host/binding.ts";
import type { Memberships } from "../../src/host/memberships.ts";
import { MembershipScript, MOST_SOCKETS, STEP, STEP_BYTES } from "../../src/host/memberships.ts";
import { bindingCases } from "./binding-cases.ts";
import { mustRun } from "./binding-server.ts";
import {
  group,
  joinBytes,
  joined,
  linux,
  OWN,
  openSockets,
  script,
  socketsBeside,
  stepBytes,
  written,
} from "./memberships-kit.ts";

const { EADDRINUSE, EADDRNOTAVAIL, EBADF, EBUSY, EINVAL, ENODEV, ENOMEM } = constants.errno;
const NOT_THERE = 999_999;
/** A socket's memberships take 56 bytes each of this: see the limits in `ip6_mc_sock` (net/ipv6/mcast.c). */
const MEMBERSHIP_BYTES = 56;

/** Why the kernel's table cannot be asked. */
function noTable(): string | undefined {
  if (!linux) return "/proc/net/igmp6 is Linux's";
  try {
    return /^1\s+lo\s/m.test(readFileSync("/proc/net/igmp6", "utf8")) ? undefined : "lo has no IPv6";
  } catch {
    return "there is no IPv6 here";
  }
}

const tableMissing = noTable();
if (tableMissing !== undefined) console.log(`joining is not tested: ${tableMissing}`);
const cases = await bindingCases("memberships");

for (const { name, load, why } of cases) {
  describe.skipIf(why !== undefined)(`${name}${why === undefined ? "" : ` (${why})`}`, () => {
    let binding: Binding;
    let memberships: Memberships;
    const opened: Memberships[] = [];
    const open = () => {
      memberships = binding.openMemberships();
      opened.push(memberships);
      return memberships;
    };
    beforeAll(async () => {
      binding = await load();
    });
    afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

    test("an index is that of the interface, and 0 for one that is not there", async () => {
      const loopback = linux ? "lo" : "lo0";
      const names = [loopback, "no-such-nic", "", "n".repeat(500), `${loopback}${" ".repeat(20)}`, loopback];
      expect(await binding.interfaceIndexes(names)).toEqual([1, 0, 0, 0, 0, 1]);
      expect(await binding.interfaceIndexes([])).toEqual([]);
    });

    test("what is no name of an interface is a type error", async () => {
      for (const names of [undefined, "lo", [7], ["lo", undefined], ["lo\0x"]]) {
        await expect(binding.interfaceIndexes(names as string[])).rejects.toThrow(TypeError);
      }
    });

    test("a script without steps has no errors", async () => {
      expect(await open().run(script())).toEqual(new Int32Array());
    });

    test("opening an open socket is EBUSY, and any step for one that is not open EBADF", async () => {
      open();
      const last = MOST_SOCKETS - 1;
      expect(await memberships.run(script(["open", 3], ["open", 3], ["open", last]))).toEqual(
        Int32Array.of(0, EBUSY, 0),
      );
      const errors = await memberships.run(script(["join", 4, 1, 1], ["leave", 4, 1, 1], ["close", 4], ["close", 3]));
      expect(errors).toEqual(Int32Array.of(EBADF, EBADF, EBADF, 0));
      expect(await memberships.run(script(["close", 3], ["open", 3]))).toEqual(Int32Array.of(EBADF, 0));
    });

    test("what is no script is a type error, and none of its steps is run", async () => {
      open();
      const good = stepBytes(STEP.open, 7);
      const joint = (...steps: Buffer[]) => Uint8Array.from(Buffer.concat(steps)).buffer;
      const wrong: unknown[] = [
        undefined,
        "text",
        new Uint8Array(good),
        joint(good, Buffer.alloc(1)),
        joint(good).slice(1),
        joint(good, stepBytes(4, 8)),
        joint(good, stepBytes(2 ** 32 - 1, 8)),
        joint(good, stepBytes(STEP.open, MOST_SOCKETS)),
      ];
      for (const bytes of wrong) await expect(memberships.run(written(bytes))).rejects.toThrow(TypeError);
      expect(await memberships.run(script(["close", 7]))).toEqual(Int32Array.of(EBADF));
    });

    test("after a close a run is EBADF, and a close again answers as the first", async () => {
      open();
      await memberships.run(script(["open", 0]));
      const closed = memberships.close();
      expect(memberships.close()).toBe(closed);
      const ended = { name: "SystemError", syscall: "setsockopt", code: "EBADF", errno: EBADF };
      await expect(memberships.run(script(["open", 1]))).rejects.toMatchObject(ended);
      await closed;
      await expect(memberships.run(script())).rejects.toMatchObject(ended);
    });

    test("a close without anything open ends", async () => {
      await expect(binding.openMemberships().close()).resolves.toBeUndefined();
    });

    describe.skipIf(tableMissing !== undefined && !mustRun)("with the kernel's table", () => {
      beforeAll(() => expect(tableMissing).toBeUndefined());

      test("a join is in the table until the leave", async () => {
        open();
        expect(await memberships.run(script(["open", 0], ["join", 0, 1, 1], ["join", 0, 2, 1]))).toEqual(
          new Int32Array(3),
        );
        expect(joined(1)).toEqual(
          new Map([
            [1, 1],
            [2, 1],
          ]),
        );
        expect(await memberships.run(script(["leave", 0, 1, 1]))).toEqual(new Int32Array(1));
        expect(joined(1)).toEqual(new Map([[2, 1]]));
      });

      test("closing a socket leaves its groups, and no other's", async () => {
        open();
        await memberships.run(
          script(["open", 0], ["join", 0, 1, 1], ["join", 0, 2, 1], ["open", 1], ["join", 1, 2, 1]),
        );
        expect(joined(1)).toEqual(
          new Map([
            [1, 1],
            [2, 2],
          ]),
        );
        expect(await memberships.run(script(["close", 0]))).toEqual(new Int32Array(1));
        expect(joined(1)).toEqual(new Map([[2, 1]]));
      });

      test("each failed step has its errno, and those behind it are run", async () => {
        open();
        const errors = await memberships.run(
          script(
            ["open", 0],
            ["join", 0, 1, NOT_THERE],
            ["join", 0, 1, 1],
            ["join", 0, 1, 1],
            ["leave", 0, 2, 1],
            ["join", 5, 1, 1],
            ["open", 0],
            ["join", 0, 2, 1],
          ),
        );
        expect(errors).toEqual(Int32Array.of(0, ENODEV, 0, EADDRINUSE, EADDRNOTAVAIL, EBADF, EBUSY, 0));
        expect(joined(1)).toEqual(
          new Map([
            [1, 1],
            [2, 1],
          ]),
        );
      });

      test("an address that is no group's is EINVAL", async () => {
        open();
        await memberships.run(script(["open", 0]));
        const unicast = Buffer.from("fd000000000000000000000000000001", "hex");
        expect(await memberships.run(written(joinBytes(0, unicast, 1)))).toEqual(Int32Array.of(EINVAL));
      });

      test("scripts run in the order they were given", async () => {
        open();
        const order: number[] = [];
        const scripts = [
          script(["open", 0], ["join", 0, 1, 1]),
          script(["leave", 0, 1, 1], ["join", 0, 2, 1]),
          script(["close", 0], ["open", 0], ["join", 0, 3, 1]),
          ...Array.from({ length: 50 }, (_, i) => script(i % 2 === 0 ? ["join", 0, 4, 1] : ["leave", 0, 4, 1])),
        ];
        const runs = scripts.map(async (one, i) => {
          const errors = await memberships.run(one);
          order.push(i);
          return errors;
        });
        expect((await Promise.all(runs)).map((errors) => [...errors])).toEqual(
          scripts.map(({ length }) => Array(length).fill(0)),
        );
        expect(order).toEqual(scripts.map((_, i) => i));
        expect(joined(1)).toEqual(new Map([[3, 1]]));
      });

      test("two at once know nothing of each other", async () => {
        const [one, other] = [open(), open()];
        const same = () => script(["open", 0], ["join", 0, 1, 1]);
        expect(await Promise.all([one.run(same()), other.run(same())])).toEqual([new Int32Array(2), new Int32Array(2)]);
        expect(joined(1)).toEqual(new Map([[1, 2]]));
        await one.close();
        expect(joined(1)).toEqual(new Map([[1, 1]]));
      });

      test("close waits for what is under way, and leaves everything", async () => {
        const before = openSockets();
        open();
        const steps = Array.from({ length: 64 }, (_, i) => ["join", 0, i, 1] as const);
        const runs = [
          memberships.run(script(["open", 0], ...steps)),
          memberships.run(script(["open", 1], ["join", 1, 0, 1])),
        ];
        let ended = 0;
        for (const run of runs) void run.then(() => ended++);
        await memberships.close().then(() => expect(ended).toBe(2));
        expect((await Promise.all(runs)).map((errors) => [...errors].every((errno) => errno === 0))).toEqual([
          true,
          true,
        ]);
        expect(joined(1)).toEqual(new Map());
        expect(socketsBeside(before)).toEqual([]);
      });

      test("a socket is close-on-exec, and bound to no port", async () => {
        const before = openSockets();
        open();
        await memberships.run(script(["open", 0], ["join", 0, 1, 1]));
        const sockets = socketsBeside(before);
        expect(sockets).toHaveLength(1);
        for (const { fd, inode } of sockets) {
          const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "";
          expect(Number.parseInt(flags, 8) & 0o2000000).toBe(0o2000000);
          // Unbound sockets are not in it.
          expect(readFileSync("/proc/net/udp6", "utf8").split(/\s+/)).not.toContain(inode);
        }
      });

      test("a newer socket has the higher descriptor, even where lower ones are free", async () => {
        const before = openSockets();
        const lower = Array.from({ length: 20 }, () => openSync("/dev/null", "r"));
        open();
        const inodes: string[] = [];
        const openOne = async (socket: number) => {
          const older = openSockets();
          await memberships.run(script(["open", socket]));
          inodes[socket] = socketsBeside(older)[0]?.inode ?? "";
        };
        await openOne(0);
        for (const fd of lower) closeSync(fd);
        for (const socket of [1, 2, 3]) await openOne(socket);
        // The newest, and one between.
        await memberships.run(script(["close", 3], ["close", 1]));
        for (const socket of [4, 5]) await openOne(socket);
        expect(socketsBeside(before).map(({ inode }) => inode)).toEqual([0, 2, 4, 5].map((socket) => inodes[socket]));
      });

      const optmem = linux ? Number(readFileSync("/proc/sys/net/core/optmem_max", "utf8")) : 0;
      const tooMuch = optmem > 1024 * 1024 ? `net.core.optmem_max is ${optmem}, too much to be filled` : undefined;
      if (tooMuch !== undefined) console.log(`the limit of a socket's memberships is not tested: ${tooMuch}`);
      test.skipIf(tooMuch !== undefined)(
        "more memberships than a socket may have are ENOMEM, and the rest stays",
        async () => {
          open();
          const most = Math.floor(optmem / MEMBERSHIP_BYTES);
          const steps = Array.from({ length: most + 10 }, (_, i) => ["join", 0, i, 1] as const);
          const errors = await memberships.run(script(["open", 0], ...steps));
          const failed = errors.indexOf(ENOMEM);
          expect(failed).toBeGreaterThan(most / 2);
          expect(new Set(errors.slice(0, failed))).toEqual(new Set([0]));
          expect(new Set(errors.slice(failed))).toEqual(new Set([ENOMEM]));
          expect(joined(1).size).toBe(failed - 1);
        },
      );

      test("ten thousand joins in one script leave the event loop free", async () => {
        open();
        const made = new MembershipScript();
        for (let i = 0; i < 10_000; i++) {
          if (i % 64 === 0) made.open(i / 64);
          made.join(Math.floor(i / 64), group(i), 1);
        }
        let ticks = 0;
        const ticking = setInterval(() => ticks++, 1);
        const errors = await memberships.run(made);
        clearInterval(ticking);
        expect(errors).toEqual(new Int32Array(made.length));
        await expect.poll(() => joined(1).size).toBe(10_000);
        expect(ticks).toBeGreaterThan(5);
      });
    });
  });
}

test("a script is as long as its steps, in the kernel's own layout", () => {
  const made = script(["open", 5], ["join", 5, 0x77, 3]);
  const bytes = Buffer.from(made.pack());
  expect(bytes).toHaveLength(2 * STEP_BYTES);
  expect(bytes.subarray(0, STEP_BYTES)).toEqual(stepBytes(STEP.open, 5));
  const address = Buffer.alloc(16);
  address.writeUInt16BE(0xff04, 0);
  address.writeUInt16BE(OWN, 12);
  address.writeUInt16BE(0x77, 14);
  expect(bytes.subarray(STEP_BYTES)).toEqual(stepBytes(STEP.join, 5, address, 3));
});
