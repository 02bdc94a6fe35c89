/** Memberships over the addon alone: what becomes of the sockets when nobody closes them. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { beforeAll, describe, expect, test } from "vitest";
import { loadNapi } from "../../src/host/napi.ts";
import { mustRun } from "./binding-server.ts";
import { joined, linux, openSockets, script, socketsBeside } from "./memberships-kit.ts";

const file = fileURLToPath(new URL("../../build/Release/sledcast.node", import.meta.url));
const run = promisify(execFile);

const why = await loadNapi().then(
  () => (linux ? undefined : "/proc is Linux's"),
  (error: Error) => error.message.split("\n", 1)[0],
);
if (why !== undefined) console.log(`what becomes of unclosed memberships is not tested: ${why}`);

const ended = (worker: Worker) =>
  new Promise<number>((resolve, reject) => worker.once("exit", resolve).once("error", reject));

/** One socket a script, with sixty groups each; `after` is what then happens. */
const program = (scripts: number, after: string) => `
  const { Memberships } = require(${JSON.stringify(file)});
  const { parentPort, workerData } = require("node:worker_threads");
  const made = workerData ?? [];
  const memberships = new Memberships();
  const runs = [];
  for (let i = 0; i < ${scripts}; i++) runs.push(new Promise((resolve) => memberships.run(made[i], resolve)));
  ${after}`;

const scripts = (count: number) =>
  Array.from({ length: count }, (_, socket) =>
    script(
      ["open", socket],
      ...Array.from({ length: 60 }, (_, i) => ["join", socket, socket * 60 + i, 1] as const),
    ).pack(),
  );

describe.skipIf(why !== undefined && !mustRun)("the addon's memberships", () => {
  beforeAll(() => expect(why).toBeUndefined());

  test("wrong arguments are type errors", () => {
    const addon = createRequire(import.meta.url)(file);
    const nothing = () => {};
    const memberships = new addon.Memberships();
    expect(() => addon.Memberships()).toThrow(TypeError);
    for (const args of [[], [new ArrayBuffer(0)], [new Uint8Array(32), nothing], [new ArrayBuffer(31), nothing]]) {
      expect(() => memberships.run(...args)).toThrow(TypeError);
    }
    expect(() => memberships.run.call({}, new ArrayBuffer(0), nothing)).toThrow(TypeError);
    expect(() => memberships.close()).toThrow(TypeError);
    for (const args of [[], [["lo"]], ["lo", nothing], [[7], nothing], [["l\0"], nothing]]) {
      expect(() => addon.interfaceIndexes(...args)).toThrow(TypeError);
    }
    const throwing = Object.defineProperty([], 0, { get: () => throwOwn() });
    expect(() => addon.interfaceIndexes(throwing, nothing)).toThrow("a getter's own");
    const watch = new addon.LinkWatch();
    expect(() => watch.start()).toThrow(TypeError);
    expect(() => watch.close()).not.toThrow();
  });

  test("a buffer that was given away is an empty script", async () => {
    const { Memberships } = createRequire(import.meta.url)(file);
    const gone = script(["open", 0]).pack();
    structuredClone(gone, { transfer: [gone] });
    const errors = await new Promise<ArrayBuffer>((resolve) => new Memberships().run(gone, resolve));
    expect(errors.byteLength).toBe(0);
  });

  test("what was collected without a close has left its groups and closed its sockets", async () => {
    const { stdout } = await run(process.execPath, [
      "--expose-gc",
      "-e",
      `
        const { Memberships } = require(${JSON.stringify(file)});
        const { readdirSync } = require("node:fs");
        const { setImmediate } = require("node:timers/promises");
        const made = new Uint8Array(${JSON.stringify([...new Uint8Array(script(["open", 0], ["open", 1]).pack())])});
        const open = () => readdirSync("/proc/self/fd").length;
        (async () => {
          const before = open();
          await new Promise((resolve) => new Memberships().run(made.buffer, resolve));
          const during = open();
          for (let i = 0; i < 20 && open() > before; i++) {
            gc();
            await setImmediate();
          }
          console.log(during - before, open() - before);
        })();`,
    ]);
    expect(stdout).toBe("2 0\n");
  });

  test("a callback that throws does not keep the next script from running", async () => {
    const source = `
      const { Memberships } = require(${JSON.stringify(file)});
      process.once("uncaughtException", (error) => console.log(error.message));
      const memberships = new Memberships();
      memberships.run(new ArrayBuffer(0), () => { throw new Error("thrown"); });
      memberships.run(new ArrayBuffer(0), () => console.log("ran"));
      memberships.close(() => console.log("closed"));`;
    const { stdout } = await run(process.execPath, ["-e", source]);
    expect(stdout).toBe("thrown\nran\nclosed\n");
  });

  test("a thread that is terminated takes its sockets and memberships with it", async () => {
    const before = openSockets();
    const after = 'Promise.all(runs).then(() => parentPort.postMessage("joined")); setInterval(() => {}, 1000);';
    const worker = new Worker(program(3, after), { eval: true, workerData: scripts(3) });
    await new Promise((resolve) => worker.once("message", resolve));
    expect(joined(1).size).toBe(180);
    expect(socketsBeside(before)).toHaveLength(3);
    expect(await worker.terminate()).toBe(1);
    expect(joined(1)).toEqual(new Map());
    expect(socketsBeside(before)).toEqual([]);
  });

  test("a thread that is terminated with scripts under way and waiting ends, and leaves nothing", async () => {
    const before = openSockets();
    const workerData = scripts(40);
    for (let round = 0; round < 10; round++) {
      const after = 'parentPort.postMessage("started"); setInterval(() => {}, 1000);';
      const worker = new Worker(program(40, after), { eval: true, workerData });
      await new Promise((resolve) => worker.once("message", resolve));
      expect(await worker.terminate()).toBe(1);
    }
    expect(joined(1)).toEqual(new Map());
    expect(socketsBeside(before)).toEqual([]);
  });

  test("many threads load it and join at once", async () => {
    const before = openSockets();
    const after = "Promise.all(runs).then(() => memberships.close(() => {}));";
    const workers = Array.from(
      { length: 8 },
      () => new Worker(program(10, after), { eval: true, workerData: scripts(10) }),
    );
    expect(await Promise.all(workers.map(ended))).toEqual(workers.map(() => 0));
    expect(joined(1)).toEqual(new Map());
    expect(socketsBeside(before)).toEqual([]);
  });
});

function throwOwn(): never {
  throw new Error("a getter's own");
}
