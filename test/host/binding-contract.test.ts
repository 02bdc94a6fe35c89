/** What `src/host/binding.ts` promises, of both bindings. */
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Binding, DeviceCall } from "../../src/host/binding.ts";
import { bindingCases } from "./binding-cases.ts";
import { mustRun, noFakeDevice, ScriptedDevice } from "./binding-server.ts";

const linux = process.platform === "linux";
const { EBADF, EIO, EPROTO, ENOBUFS, ENOENT, ENOTTY } = constants.errno;

if (noFakeDevice !== undefined) console.log(`not tested against a scripted device: ${noFakeDevice}`);
const cases = await bindingCases("the control device");

const call = (over: Partial<DeviceCall> = {}): DeviceCall => ({
  apiVersion: 41,
  cmd: 1,
  request: undefined,
  capacity: 16384,
  ...over,
});

for (const { name, load, why } of cases) {
  describe.skipIf(why !== undefined)(`${name}${why === undefined ? "" : ` (${why})`}`, () => {
    let binding: Binding;
    beforeAll(async () => {
      binding = await load();
    });

    test("has its name", () => expect(binding.name).toBe(name));

    test("a file that is not there is ENOENT, said as a system error", async () => {
      await expect(binding.openDevice("/nonexistent/xde")).rejects.toMatchObject({
        name: "SystemError",
        syscall: "open",
        path: "/nonexistent/xde",
        code: "ENOENT",
        errno: ENOENT,
      });
    });

    test("what is no control device answers ENOTTY", async () => {
      const device = await binding.openDevice("/dev/null");
      const nothing = { errno: ENOTTY, copiedOut: false, actual: 0, reply: new Uint8Array() };
      expect(await device.run([call()])).toEqual([nothing]);
      expect(await device.run([call(), call({ capacity: 0 }), call({ request: Buffer.from("abc") })])).toEqual([
        nothing,
        nothing,
        nothing,
      ]);
      expect(await device.run([])).toEqual([]);
      await device.close();
    });

    test.skipIf(!linux)("opens read-write and close-on-exec with no other flag, and closes", async () => {
      const before = descriptors("/dev/zero");
      const device = await binding.openDevice("/dev/zero");
      const [fd, ...others] = descriptors("/dev/zero").filter((one) => !before.includes(one));
      expect(others).toEqual([]);
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "";
      // O_LARGEFILE (0100000) is the kernel's own addition in a 64-bit process.
      expect(Number.parseInt(flags, 8) & ~0o100000).toBe(0o2000002);
      await device.close();
      expect(descriptors("/dev/zero")).toEqual(before);
    });

    test("after a close a run is EBADF, and a close again answers as the first", async () => {
      const device = await binding.openDevice("/dev/null");
      const closed = device.close();
      const late = expect(device.run([call()])).rejects.toMatchObject({
        syscall: "ioctl",
        code: "EBADF",
        errno: EBADF,
      });
      expect(device.close()).toBe(closed);
      await Promise.all([closed, late]);
      await expect(device.run([call()])).rejects.toMatchObject({ path: "/dev/null", errno: EBADF });
    });

    test("a path with a NUL, and a path that is no text, are type errors", async () => {
      await expect(binding.openDevice("/dev/null\0.txt")).rejects.toThrow(
        new TypeError("the device's path must not contain a NUL"),
      );
      await expect(binding.openDevice(7 as unknown as string)).rejects.toThrow(TypeError);
    });

    test("what is no call is a type error, and the device goes on", async () => {
      const device = await binding.openDevice("/dev/null");
      const wrong: unknown[] = [
        undefined,
        "text",
        [undefined],
        [{}],
        [call({ cmd: 2 ** 31 })],
        [call({ cmd: 0.5 })],
        [call({ apiVersion: -1 })],
        [call({ capacity: Number.NaN })],
        [call({ capacity: 2 ** 40 })],
        [{ ...call(), request: "text" }],
      ];
      for (const calls of wrong) await expect(device.run(calls as DeviceCall[])).rejects.toThrow(TypeError);
      expect(await device.run([call()])).toMatchObject([{ errno: ENOTTY }]);
      await device.close();
    });

    test("a file is one open file's alone until that is closed", () => {
      const file = path.join(mkdtempSync(path.join(tmpdir(), "lock-")), "lock");
      const [first, second] = [openSync(file, "w"), openSync(file, "r+")];
      expect(binding.tryLock(first)).toBe(true);
      expect(binding.tryLock(first)).toBe(true);
      expect(binding.tryLock(second)).toBe(false);
      // fcntl(2)'s locks would go with any descriptor of the file.
      closeSync(openSync(file, "r"));
      expect(binding.tryLock(second)).toBe(false);
      closeSync(first);
      expect(binding.tryLock(second)).toBe(true);
      closeSync(second);
      expect(() => binding.tryLock(second)).toThrow(
        expect.objectContaining({ name: "SystemError", syscall: "flock", code: "EBADF", errno: EBADF }),
      );
      rmSync(path.dirname(file), { recursive: true });
    });

    test("what is no descriptor is a type error to lock", () => {
      for (const wrong of [undefined, "3", -1, 0.5, Number.NaN, 2 ** 31]) {
        expect(() => binding.tryLock(wrong as number)).toThrow(TypeError);
      }
    });

    const onFake = noFakeDevice === undefined || mustRun ? describe : describe.skip;
    onFake(noFakeDevice === undefined ? "with a scripted device" : `with a scripted device (${noFakeDevice})`, () => {
      beforeAll(() => expect(noFakeDevice).toBeUndefined());
      let fake: ScriptedDevice;
      afterEach(() => fake.close());
      const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

      test("carries number, version, capacity and request, and the reply back", async () => {
        fake = await ScriptedDevice.listen(({ request }) => ({ reply: Buffer.from(request).reverse() }));
        const device = await binding.openDevice(fake.path);
        const request = Buffer.from("abc");
        const replies = device.run([call({ cmd: -7, apiVersion: 38, capacity: 99, request }), call()]);
        request.fill(0);
        expect(await replies).toEqual([
          { errno: 0, copiedOut: true, actual: 3, reply: new Uint8Array(Buffer.from("cba")) },
          { errno: 0, copiedOut: true, actual: 0, reply: new Uint8Array() },
        ]);
        expect(fake.commands).toEqual([
          { cmd: -7, apiVersion: 38, capacity: 99, request: Buffer.from("abc") },
          { cmd: 1, apiVersion: 41, capacity: 16384, request: Buffer.alloc(0) },
        ]);
        await device.close();
      });

      test("errors come with a reply and without, and stop nothing", async () => {
        const said = [
          { errno: EPROTO, reply: Buffer.from([1, 2, 3]) },
          { errno: ENOBUFS, actual: 5000 },
          { errno: EIO },
          { reply: Buffer.alloc(64, 9) },
        ];
        fake = await ScriptedDevice.listen(({ cmd }) => said[cmd] ?? {});
        const device = await binding.openDevice(fake.path);
        const calls = [0, 1, 2, 3].map((cmd) => call({ cmd, capacity: 64 }));
        expect(await device.run(calls)).toEqual([
          { errno: EPROTO, copiedOut: true, actual: 3, reply: new Uint8Array([1, 2, 3]) },
          { errno: ENOBUFS, copiedOut: false, actual: 5000, reply: new Uint8Array() },
          { errno: EIO, copiedOut: false, actual: 0, reply: new Uint8Array() },
          { errno: 0, copiedOut: true, actual: 64, reply: new Uint8Array(64).fill(9) },
        ]);
        await device.close();
      });

      test("a batch of a thousand runs in its order, with replies of all sizes up to a mebibyte", async () => {
        fake = await ScriptedDevice.listen(({ cmd, capacity }) => ({
          reply: Buffer.alloc(cmd === 500 ? capacity : cmd % 300, cmd),
        }));
        const device = await binding.openDevice(fake.path);
        const calls = Array.from({ length: 1000 }, (_, cmd) => call({ cmd, capacity: cmd === 500 ? 1 << 20 : 4096 }));
        const replies = await device.run(calls);
        expect(fake.commands.map(({ cmd }) => cmd)).toEqual(calls.map(({ cmd }) => cmd));
        for (const [cmd, { errno, reply }] of replies.entries()) {
          expect(errno).toBe(0);
          expect(Buffer.alloc(cmd === 500 ? 1 << 20 : cmd % 300, cmd).equals(reply)).toBe(true);
        }
        await device.close();
      });

      test("close waits for what is under way, and the event loop for nothing", async () => {
        let answered = 0;
        fake = await ScriptedDevice.listen(async () => {
          await sleep(60);
          answered++;
          return {};
        });
        const device = await binding.openDevice(fake.path);
        const running = [device.run([call(), call()]), device.run([call()])];
        const started = performance.now();
        const closed = device.close().then(() => answered);
        await sleep(1);
        expect(performance.now() - started).toBeLessThan(50);
        expect(await closed).toBe(3);
        expect((await Promise.all(running)).flat()).toHaveLength(3);
      });
    });
  });
}

/** This process's descriptors of the file. */
function descriptors(file: string): string[] {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file;
    } catch {
      return false;
    }
  });
}
