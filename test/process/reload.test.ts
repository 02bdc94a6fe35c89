/** SIGHUP to the daemon. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Daemon, type LogRecord } from "./daemon.ts";

let dir: string;
let daemon: Daemon | undefined;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "hangup-"));
});
afterEach(async () => {
  await daemon?.stop("SIGKILL");
  daemon = undefined;
  rmSync(dir, { recursive: true });
});

const reloads = (records: readonly LogRecord[]) =>
  records.filter(({ msg }) => /^(?:settings read again|the settings cannot)/.test(String(msg)));

test("the file is read again, what changed is said and in force, and a mistake in it ends nothing", async () => {
  const file = path.join(dir, "sledcast.toml");
  const write = (text: string) => writeFileSync(file, `[log]\nlevel = "info"\n${text}`);
  write("[audit]\ninterval = 0\n");
  daemon = await Daemon.ready("--config", file);
  const hangup = async (text: string): Promise<LogRecord> => {
    const before = reloads(daemon?.records ?? []).length;
    write(text);
    process.kill((daemon as Daemon).pid, "SIGHUP");
    await (daemon as Daemon).logged(() => reloads((daemon as Daemon).records).length > before);
    return reloads((daemon as Daemon).records).at(-1) as LogRecord;
  };
  expect(await hangup('[audit]\ninterval = 0\nmode = "observe"\n')).toMatchObject({
    changed: [{ setting: "audit.mode", from: "repair", to: "observe" }],
    waiting: [],
  });
  expect((await daemon.call("POST", "/multicast/audit")).body).toMatchObject({ mode: "observe" });
  expect(await hangup('[audit]\ninterval = 0\nmode = "sometimes"\n')).toMatchObject({
    level: 50,
    error: expect.stringContaining("audit.mode"),
  });
  expect(await hangup('[underlay]\nnics = ["net0"]\n[audit]\ninterval = 86400\n')).toMatchObject({
    changed: [
      { setting: "audit.interval", from: 0, to: 86400 },
      { setting: "audit.mode", from: "observe", to: "repair" },
    ],
    waiting: [{ setting: "underlay.nics", from: [], to: ["net0"] }],
    msg: "settings read again: audit.interval changed, audit.mode changed; at the next restart: underlay.nics",
  });
  expect(await daemon.stop()).toBe(0);
});

test("a hangup in the middle of the start does not end it, and is seen to when it serves", async () => {
  daemon = new Daemon("--listen", "127.0.0.1:0");
  const pid = daemon.pid;
  // It has its handler once it reads its settings, long before it listens; until then a signal would end any program.
  await expect.poll(() => isHandled(pid)).toBe(true);
  process.kill(pid, "SIGHUP");
  await daemon.logged(({ msg }) => msg === "settings read again: nothing changed");
  expect(await daemon.stop()).toBe(0);
});

/** Linux says which signals a process handles. */
function isHandled(pid: number): boolean {
  if (process.platform !== "linux") return true;
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  return (BigInt(`0x${mask}`) & 1n) === 1n;
}
