/** The addon alone: what no contract says, because only native code can get it wrong. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { beforeAll, describe, expect, test } from "vitest";
import { loadNapi } from "../../src/host/napi.ts";
import { mustRun, noFakeDevice, ScriptedDevice, withFakeDevice } from "./binding-server.ts";

const file = fileURLToPath(new URL("../../build/Release/sledcast.node", import.meta.url));
const leak = fileURLToPath(new URL("../../bench/native/leak.mjs", import.meta.url));
const run = promisify(execFile);

const why = await loadNapi().then(
  () => undefined,
  (error: Error) => error.message.split("\n", 1)[0],
);
if (why !== undefined) console.log(`the addon is not tested: ${why}`);

/** Opens the device and starts `runs` batches of ten calls; `after` is what then happens. */
const program = (device: string, runs: number, after: string) => `
  const { Device } = require(${JSON.stringify(file)});
  const port = require("node:worker_threads").parentPort;
  const size = 10;
  const batch = new ArrayBuffer(size * 32);
  new Float64Array(batch).set(Array.from({ length: size }, () => [41, 1, 0, 16384]).flat());
  const device = new Device(${JSON.stringify(device)});
  device.open((errno) => {
    if (errno !== 0) throw new Error("open: " + errno);
    const runs = Array.from({ length: ${runs} }, () => new Promise((resolve) => device.run(batch, size, resolve)));
    ${after}
  });`;

const ended = (worker: Worker) =>
  new Promise<number>((resolve, reject) => worker.once("exit", resolve).once("error", reject));

describe.skipIf(why !== undefined && !mustRun)("the addon", () => {
  test("wrong arguments are type errors, and calls out of turn are refused", () => {
    const { Device } = createRequire(import.meta.url)(file);
    const nothing = () => {};
    for (const path of [undefined, 7, {}, Symbol("path"), "a\0b"]) expect(() => new Device(path)).toThrow(TypeError);
    expect(() => Device("/dev/null")).toThrow(TypeError);

    const device = new Device("/dev/null");
    expect(device.run(new ArrayBuffer(0), 0, nothing)).toBe(false);
    expect(device.close(nothing)).toBe(false);
    expect(() => device.open()).toThrow(TypeError);
    expect(() => device.close("text")).toThrow(TypeError);
    expect(() => device.open.call({}, nothing)).toThrow(TypeError);
    expect(() => Object.create(device).open(nothing)).toThrow(TypeError);
    for (const args of [
      [],
      [new Uint8Array(8), 0, nothing],
      [new ArrayBuffer(0), "0", nothing],
      [new ArrayBuffer(0), 0],
    ]) {
      expect(() => device.run(...args)).toThrow(TypeError);
    }
  });

  test("what is no batch is a type error, and is not run", async () => {
    const { Device } = createRequire(import.meta.url)(file);
    const device = new Device("/dev/null");
    expect(await new Promise((resolve) => device.open(resolve))).toBe(0);
    expect(device.open(() => {})).toBe(false);
    const one = (...numbers: number[]) => new Float64Array(numbers).buffer;
    const gone = one(41, 1, 0, 64);
    structuredClone(gone, { transfer: [gone] });
    const wrong: [ArrayBuffer, number][] = [
      [one(41, 1, 0, 64), 2],
      [one(41, 1, 0, 64), -1],
      [one(41, 1, 0, 64), 0.5],
      [one(41, 1, 0, 64), Number.NaN],
      [one(41, 1, 0, 64), Number.POSITIVE_INFINITY],
      [one(41, 1, 1, 64), 1],
      [one(41, 1, -1, 64), 1],
      [one(41, 1, 0, 2 ** 40), 1],
      [one(41, 1, 0, Number.NaN), 1],
      [one(41, 2 ** 31, 0, 64), 1],
      [one(-1, 1, 0, 64), 1],
      [gone, 1],
    ];
    for (const [batch, count] of wrong) expect(() => device.run(batch, count, () => {})).toThrow(TypeError);
    await new Promise<void>((resolve) => device.close(resolve));
    expect(device.close(() => {})).toBe(false);
  });

  test("many threads load it and call at once", async () => {
    const after = "Promise.all(runs).then((answers) => { port.postMessage(answers.length); device.close(() => {}); });";
    const workers = Array.from({ length: 8 }, () => new Worker(program("/dev/null", 200, after), { eval: true }));
    expect(await Promise.all(workers.map(ended))).toEqual(workers.map(() => 0));
  });

  test("threads that end with calls under way take nothing with them", async () => {
    for (let round = 0; round < 10; round++) {
      const after = 'port.postMessage("started"); setInterval(() => {}, 1000);';
      const worker = new Worker(program("/dev/null", 500, after), { eval: true });
      await new Promise((resolve) => worker.once("message", resolve));
      expect(await worker.terminate()).toBe(1);
    }
  });

  test("a callback that throws does not keep a close from ending", async () => {
    const script = `
      const { Device } = require(${JSON.stringify(file)});
      process.once("uncaughtException", (error) => console.log(error.message));
      const device = new Device("/dev/null");
      device.open(() => {
        device.run(new ArrayBuffer(0), 0, () => { throw new Error("thrown"); });
        device.close(() => console.log("closed"));
      });`;
    const { stdout } = await run(process.execPath, ["-e", script]);
    expect(stdout.split("\n").sort()).toEqual(["", "closed", "thrown"]);
  });

  test("a million calls leave no memory behind", async () => {
    const { stdout } = await run(process.execPath, [leak, "1000000"]);
    expect(Number(/second half (-?[\d.]+) MiB/.exec(stdout)?.[1])).toBeLessThan(4);
  });
});

const onFake = mustRun || (why === undefined && noFakeDevice === undefined) ? describe : describe.skip;
onFake(
  noFakeDevice === undefined
    ? "the addon, while an ioctl blocks"
    : `the addon, while an ioctl blocks (${noFakeDevice})`,
  () => {
    beforeAll(() => expect(noFakeDevice).toBeUndefined());
    const slow = () => ScriptedDevice.listen(() => new Promise((resolve) => setTimeout(resolve, 20, {})));

    test("a thread is terminated", async () => {
      const fake = await slow();
      const worker = new Worker(program(fake.path, 4, 'port.postMessage("started");'), { eval: true });
      await new Promise((resolve) => worker.once("message", resolve));
      expect(await worker.terminate()).toBe(1);
      await fake.close();
    });

    test("the process exits, with a close waiting", async () => {
      const fake = await slow();
      const after = "device.close(() => {}); setTimeout(() => process.exit(7), 30);";
      await expect(
        run(process.execPath, ["-e", program(fake.path, 2, after)], { env: withFakeDevice }),
      ).rejects.toMatchObject({
        code: 7,
        signal: null,
        stderr: "",
      });
      await fake.close();
    });
  },
);
