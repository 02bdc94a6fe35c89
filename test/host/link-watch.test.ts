/** The watch of the host's interfaces, which only the addon has. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { beforeAll, describe, expect, test } from "vitest";
import type { Binding } from "../../src/host/binding.ts";
import { loadNapi } from "../../src/host/napi.ts";
import { bindingCase } from "./binding-cases.ts";
import { mustRun } from "./binding-server.ts";
import { linux, openSockets, socketsBeside } from "./memberships-kit.ts";

const run = promisify(execFile);
const file = fileURLToPath(new URL("../../build/Release/sledcast.node", import.meta.url));
const fixture = fileURLToPath(new URL("./link-watch-fixture.mjs", import.meta.url));

const reason = (error: Error) => error.message.trim().split("\n").join(" ");
const why = await loadNapi().then(() => undefined, reason);
if (why !== undefined) console.log(`the watch of interfaces is not tested: ${why}`);

const koffi = await bindingCase("koffi", "that koffi has no watch");

/** In a network namespace of its own: with root's right, or with that of a user namespace. */
const NAMESPACE = process.getuid?.() === 0 ? ["unshare", "-n"] : ["unshare", "-rn"];
async function inNamespace(...command: string[]): Promise<string> {
  const [program = "", ...options] = NAMESPACE;
  const { LD_PRELOAD: _, ...env } = process.env;
  return (await run(program, [...options, ...command], { env, timeout: 50_000 })).stdout;
}
const noNamespace = linux
  ? await inNamespace("ip", "link", "add", "wa", "type", "veth", "peer", "name", "wb").then(() => undefined, reason)
  : "network namespaces are Linux's";
if (noNamespace !== undefined) console.log(`changes of interfaces are not tested: ${noNamespace}`);

/** A program that watches; `after` is what then happens. */
const program = (after: string) => `
  const { LinkWatch } = require(${JSON.stringify(file)});
  const { parentPort } = require("node:worker_threads");
  const watch = new LinkWatch();
  if (watch.start(() => {}) !== 0) throw new Error("the watch does not start");
  ${after}`;

const threads = () => readdirSync("/proc/self/task").length;

describe.skipIf(why !== undefined && !mustRun)("the watch of interfaces", () => {
  let binding: Binding;
  beforeAll(async () => {
    binding = await loadNapi();
  });

  const open = () => {
    const watch = binding.watchInterfaces?.(
      () => {},
      (error) => {
        throw error;
      },
    );
    if (watch === undefined) throw new Error("the addon has no watch");
    return watch;
  };

  test.skipIf(koffi.why !== undefined)(
    `koffi has none${koffi.why === undefined ? "" : ` (${koffi.why})`}`,
    async () => {
      expect((await koffi.load()).watchInterfaces).toBeUndefined();
    },
  );

  test("closing it again is nothing", () => {
    const watch = open();
    watch.close();
    expect(() => watch.close()).not.toThrow();
  });

  test("it is started once", () => {
    const { LinkWatch } = createRequire(import.meta.url)(file);
    const watch = new LinkWatch();
    expect(watch.start(() => {})).toBe(0);
    expect(() => watch.start(() => {})).toThrow(TypeError);
    watch.close();
    expect(() => watch.start(() => {})).toThrow(TypeError);
  });

  test.skipIf(!linux)("closed ones leave no thread, socket or descriptor", () => {
    const [sockets, descriptors, before] = [openSockets(), readdirSync("/proc/self/fd").length, threads()];
    for (let i = 0; i < 100; i++) open().close();
    expect(socketsBeside(sockets)).toEqual([]);
    expect(readdirSync("/proc/self/fd")).toHaveLength(descriptors);
    expect(threads()).toBe(before);
  });

  test("an open one does not keep the process alive", async () => {
    await expect(run(process.execPath, ["-e", program("")], { timeout: 30_000 })).resolves.toMatchObject({
      stderr: "",
    });
  });

  test("a process exits with an open one", async () => {
    const exits = run(process.execPath, ["-e", program("process.exit(7);")], { timeout: 30_000 });
    await expect(exits).rejects.toMatchObject({ code: 7, signal: null, stderr: "" });
  });

  test("one that is not held goes on all the same", async () => {
    const source = `
      const { LinkWatch } = require(${JSON.stringify(file)});
      const { readdirSync } = require("node:fs");
      const { setImmediate } = require("node:timers/promises");
      const sockets = () => readdirSync("/proc/self/fd").length;
      (async () => {
        (() => new LinkWatch().start(() => {}))();
        const before = sockets();
        for (let i = 0; i < 20; i++) {
          gc();
          await setImmediate();
        }
        console.log(sockets() - before);
      })();`;
    expect((await run(process.execPath, ["--expose-gc", "-e", source], { timeout: 30_000 })).stdout).toBe("0\n");
  });

  test.skipIf(!linux)("a thread that ends or is terminated with an open one takes it along", async () => {
    const before = openSockets();
    for (let round = 0; round < 10; round++) {
      const ending = new Worker(program(""), { eval: true });
      expect(await new Promise((resolve) => ending.once("exit", resolve))).toBe(0);
      const running = new Worker(program('parentPort.postMessage("watching"); setInterval(() => {}, 1000);'), {
        eval: true,
      });
      await new Promise((resolve) => running.once("message", resolve));
      expect(await running.terminate()).toBe(1);
    }
    expect(socketsBeside(before)).toEqual([]);
  });
});

describe.skipIf((why ?? noNamespace) !== undefined && !mustRun)(
  `on changes${noNamespace ? ` (${noNamespace})` : ""}`,
  () => {
    let said: Record<string, number> & { readonly errors: readonly number[] };
    beforeAll(async () => {
      expect(noNamespace).toBeUndefined();
      said = JSON.parse(await inNamespace(process.execPath, fixture));
    });

    test.each([
      ["an interface comes", "created"],
      ["it goes up", "up"],
      ["it goes down", "down"],
      ["it is renamed", "renamed"],
      ["its MTU becomes too small for IPv6", "mtuBelowIpv6"],
      ["its MTU is enough again", "mtuBack"],
      ["it goes up again", "upAgain"],
      ["its cable is plugged in", "carrier"],
      ["it gets an address", "address"],
      ["it loses an address", "noAddress"],
      ["IPv6 is switched off on it", "ipv6Off"],
      ["IPv6 is switched on on it", "ipv6On"],
      ["it goes", "deleted"],
      ["it comes again under its name", "recreated"],
    ])("a hint comes when %s", (_, change) => expect(said[change]).toBeGreaterThan(0));

    test("fifty changes while JavaScript is busy are a call or two", () => {
      expect(said.fiftyWhileBusy).toBeGreaterThan(0);
      expect(said.fiftyWhileBusy).toBeLessThan(5);
    });

    test("two watches both hear of it, and one goes on without the other", () => {
      expect(said.twoWatches).toBeGreaterThan(0);
      expect(said.oneOfTwo).toBeGreaterThan(0);
    });

    test("one that breaks says why, once", () => {
      expect(said.errors).toEqual([constants.errno.ENOTSOCK]);
    });

    test("after a close none comes, not even one that was on its way", () => {
      expect(said).toMatchObject({ afterClose: 0, queuedAtClose: 0 });
    });
  },
);
