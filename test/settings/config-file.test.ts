/** The file that settings are in. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readConfigFile } from "../../src/config-file.ts";

function folder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "config-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

test("that nobody writes is refused by its name, and keeps no daemon waiting that reads its settings again", async () => {
  const fifo = path.join(folder(), "settings");
  execFileSync("mkfifo", [fifo]);
  // Whoever waits for a writer has one, and this test has an end.
  const writer = spawn("sh", ["-c", 'exec 3>"$1"', "sh", fifo], { stdio: "ignore" });
  onTestFinished(() => void writer.kill());
  await expect(readConfigFile(fifo)).rejects.toThrow(`--config ${fifo}: is no file`);
});

test("that is a device, which may have no end, is refused by its name", async () => {
  await expect(readConfigFile("/dev/null")).rejects.toThrow("--config /dev/null: is no file");
});

test("that is not there is refused by its name", async () => {
  await expect(readConfigFile("/nowhere/x.toml")).rejects.toThrow("--config /nowhere/x.toml: cannot be read: ENOENT");
});
