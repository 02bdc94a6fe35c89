import { beforeEach, describe, expect, it } from "vitest";
import { SlowCommands } from "../../src/agent/slow-commands.ts";
import type { Driver } from "../../src/opte/driver.ts";
import { RecordingLog } from "../harness/sled.ts";

let busyWith: Driver["busyWith"];
let counted: string[];
let log: RecordingLog;
let slow: SlowCommands;

beforeEach(() => {
  busyWith = undefined;
  counted = [];
  log = new RecordingLog();
  const driver = {
    get busyWith() {
      return busyWith;
    },
  };
  slow = new SlowCommands(driver, { slowCommand: (command) => counted.push(command) }, log);
});

/** The driver is looked at while it has been at the command for that long. */
function lookAt(command: "CreateXde" | "DeleteXde", seconds: number): void {
  busyWith = { command, seconds };
  slow.look();
}

const levels = () => log.records.map(({ level }) => level);

describe("a driver command", () => {
  it("of less than five seconds is not slow", () => {
    lookAt("CreateXde", 4.9);
    slow.ended("CreateXde", 4.95);
    expect({ now: slow.now, counted, levels: levels() }).toEqual({ now: undefined, counted: [], levels: [] });
  });

  it("is slow from five seconds on, and counted and told once, however long it takes", () => {
    for (const seconds of [5, 6, 7, 3600]) lookAt("CreateXde", seconds);
    expect(slow.now).toEqual({ command: "CreateXde", seconds: 3600 });
    expect({ counted, levels: levels() }).toEqual({ counted: ["CreateXde"], levels: ["warn"] });
  });

  it("that was slow is told once more when it ends, with how long it took", () => {
    lookAt("CreateXde", 5);
    slow.ended("CreateXde", 5.5);
    expect(counted).toEqual(["CreateXde"]);
    expect(log.records).toMatchObject([
      { level: "warn", fields: { command: "CreateXde", seconds: 5 } },
      { level: "info", fields: { command: "CreateXde", seconds: 5.5 } },
    ]);
  });

  it("that was slow between two looks is counted and told when it ends", () => {
    slow.ended("CreateXde", 5.2);
    expect({ counted, levels: levels() }).toEqual({ counted: ["CreateXde"], levels: ["warn", "info"] });
  });

  it("is counted again for each time that it is slow", () => {
    lookAt("CreateXde", 5);
    slow.ended("CreateXde", 5.5);
    slow.ended("ClearUft", 0.1);
    lookAt("DeleteXde", 5);
    slow.ended("DeleteXde", 5.1);
    lookAt("DeleteXde", 6);
    expect(counted).toEqual(["CreateXde", "DeleteXde", "DeleteXde"]);
  });
});
