/** What whoever started the daemon is told on the descriptor that was opened for it. */
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { checkReadyFd, tellReady } from "../../src/ready.ts";

function opened(): { readonly fd: number; readonly said: () => string } {
  const dir = mkdtempSync(path.join(tmpdir(), "ready-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = path.join(dir, "said");
  return { fd: openSync(file, "w"), said: () => readFileSync(file, "utf8") };
}

test("that it is ready, when everything has been tried", async () => {
  const { fd, said } = opened();
  await tellReady(fd, Promise.resolve());
  expect(said()).toBe("ready\n");
  expect(() => checkReadyFd(fd)).toThrow(`--ready-fd ${fd}: is not open`);
});

test("after ten seconds, that it listens: a driver that is away does not keep a service offline", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { fd, said } = opened();
  const told = tellReady(fd, new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(9_999);
  expect(said()).toBe("");
  await vi.advanceTimersByTimeAsync(1);
  await told;
  expect(said()).toBe("listening\n");
});

test("nothing, when the start fails: the exit status tells", async () => {
  const { fd, said } = opened();
  await tellReady(fd, Promise.reject(new Error("no")));
  expect(said()).toBe("");
});
