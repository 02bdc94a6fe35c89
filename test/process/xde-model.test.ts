/** sledcast-xde-model as a command: its socket, its state, its orders. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Finished, run } from "./daemon.ts";
import { folder, MODEL, Model, mappingOf, OBSTACLE, XdeDaemon } from "./xde-kit.ts";

const socketIn = (directory: string) => path.join(directory, "xde.sock");

function sendOrder(socket: string, text: string): Promise<Finished> {
  return run(MODEL, ["--socket", socket, "--order", text]);
}

describe("the command", () => {
  test("--help says every flag, every order and the exit status", async () => {
    const { code, stdout } = await run(MODEL, ["--help"]);
    expect(code).toBe(0);
    const flags = ["--socket", "--state", "--api-version", "--link", "--ports-start", "--errno", "--order"];
    const orders = ["tables", "fail", "delay", "cut", "clear-faults", "open", "api-version", "port"];
    for (const word of [...flags, ...orders.map((name) => `{"order":"${name}"`), "Exit status"]) {
      expect(stdout).toContain(word);
    }
  });

  test.each([
    ["no socket", [], "--socket"],
    ["an API version that is not known", ["--socket", "x", "--api-version", "37"], "37"],
    ["an API version that is no number", ["--socket", "x", "--api-version", "41.0"], "41.0"],
    ["numbers of another system", ["--socket", "x", "--errno", "macos"], "macos"],
    ["a state that ports do not start in", ["--socket", "x", "--ports-start", "paused"], "paused"],
    ["an argument too many", ["--socket", "x", "y"], "arguments"],
  ])("with %s is refused with exit 2", async (_what, args, words) => {
    const { code, stdout, stderr } = await run(MODEL, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(words);
  });

  test("says where it listens and what it speaks, and ends with exit 0 and without its socket when told to", async () => {
    const socket = socketIn(folder());
    const model = await Model.start(socket, "--api-version", "39");
    expect(model.stdout).toBe(`listening on ${socket}, OPTE API 39\n`);
    expect(await model.stop()).toBe(0);
    expect(existsSync(socket)).toBe(false);
  });
});

describe("its socket", () => {
  test("on which another model answers is left to it", async () => {
    const socket = socketIn(folder());
    const model = await Model.start(socket);
    const { code, stderr } = await run(MODEL, ["--socket", socket]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${socket} is not free`);
    expect(await model.tables()).toMatchObject({ m2p: [] });
  });

  test("that a killed model left is taken over", async () => {
    const socket = socketIn(folder());
    const first = await Model.start(socket);
    await first.stop("SIGKILL");
    expect(existsSync(socket)).toBe(true);
    const second = await Model.start(socket);
    expect(await second.tables()).toMatchObject({ m2p: [] });
  });

  test("is not made where a file of that name is, and the file stays", async () => {
    const file = path.join(folder(), "notes.txt");
    writeFileSync(file, "mine\n");
    const { code, stderr } = await run(MODEL, ["--socket", file]);
    expect(code).toBe(1);
    expect(stderr).toContain("is no socket");
    expect(readFileSync(file, "utf8")).toBe("mine\n");
  });
});

describe("an order", () => {
  test("is carried out by the running model, and its answer is one line of JSON", async () => {
    const socket = socketIn(folder());
    await Model.start(socket);
    const { code, stdout } = await sendOrder(socket, '{"order":"tables"}');
    expect(code).toBe(0);
    expect(stdout.endsWith("\n")).toBe(true);
    expect(JSON.parse(stdout)).toMatchObject({ underlay: null, ports: [], m2p: [] });
  });

  test.each([
    ["that nobody knows", '{"order":"dance"}', "dance"],
    ["for a command that there is not", '{"order":"fail","command":"Dance"}', "Dance"],
    ["that is no object", "3", "object"],
    ["that is no JSON", "{", "--order"],
  ])("%s is refused with exit 2 and its reason", async (_what, text, words) => {
    const socket = socketIn(folder());
    await Model.start(socket);
    const { code, stdout, stderr } = await sendOrder(socket, text);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(words);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test("to a model that is not there fails with exit 1", async () => {
    const { code, stderr } = await sendOrder(socketIn(folder()), '{"order":"tables"}');
    expect(code).toBe(1);
    expect(stderr).toContain("ENOENT");
  });
});

describe.skipIf(OBSTACLE !== undefined)("its state file", () => {
  test("keeps the tables over kill -9, and deleting it meanwhile is a reboot", async () => {
    const directory = folder();
    const [socket, state] = [socketIn(directory), path.join(directory, "tables")];
    const first = await Model.start(socket, "--state", state);
    const daemon = await XdeDaemon.ready(socket);
    for (const n of [1, 2]) expect(await daemon.map(n)).toMatchObject({ status: 204 });
    await daemon.stop();
    await first.stop("SIGKILL");
    const second = await Model.start(socket, "--state", state);
    expect((await second.tables()).m2p).toEqual([mappingOf(1), mappingOf(2)]);
    await second.stop();
    rmSync(state);
    const third = await Model.start(socket, "--state", state);
    expect((await third.tables()).m2p).toEqual([]);
  });

  test("that is something else is refused with exit 2 and left alone", async () => {
    const directory = folder();
    const file = path.join(directory, "notes.txt");
    writeFileSync(file, "mine\n");
    const { code, stderr } = await run(MODEL, ["--socket", socketIn(directory), "--state", file]);
    expect(code).toBe(2);
    expect(stderr).toContain(file);
    expect(readFileSync(file, "utf8")).toBe("mine\n");
  });
});
