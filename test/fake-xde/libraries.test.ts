/** scripts/with-fake-xde and the fakes of illumos' libraries: a process finds them by their names. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { ADDON, LIBDLADM, OBSTACLE } from "../host/fake-libs.ts";

const run = promisify(execFile);
const WITH_FAKE_XDE = fileURLToPath(new URL("../../scripts/with-fake-xde", import.meta.url));
const SHOW = ["sh", "-c", 'echo "$LD_LIBRARY_PATH"; echo "$SLEDCAST_FAKE_DLADM"'];

/** Makes a datalink id and reads xde's kstats, with the libraries that the loader finds; tells the status and the bytes. */
const AGENT = `
  const { Datalinks, Kstats } = require(${JSON.stringify(ADDON)});
  const ids = new Datalinks(), kstats = new Kstats();
  ids.open((why) => why === "" ? ids.create("opte0", ({ status }) => console.log("create " + status)) : console.log(why));
  kstats.open((why) => why === "" ? kstats.read("xde", ({ byteLength }) => console.log("read " + byteLength)) : console.log(why));`;

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), "fake-libs-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

async function linesOf(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
  const { stdout } = await run(program, args, { cwd, env: { ...process.env, ...env } });
  return stdout.split("\n").filter((line) => line !== "");
}

describe.skipIf(OBSTACLE !== undefined)("a process with a fake /dev/xde", () => {
  it("has its datalink ids in a file beside the socket, for the next process too, and its kstats in another", async () => {
    const at = folder();
    writeFileSync(path.join(at, "kstats"), "xde 0 opte0 net named\n  in_drop uint64 1\n");
    const agent = () =>
      linesOf(WITH_FAKE_XDE, ["xde.sock", process.execPath, "-e", AGENT], at, { SLEDCAST_FAKE_KSTAT: "kstats" });
    expect((await agent()).sort()).toEqual(["create 0", "read 80"]);
    expect(readFileSync(path.join(at, "xde.sock.datalinks"), "utf8")).toContain(" opte0\n");
    expect((await agent()).sort()).toEqual(["create 8", "read 80"]);
  });

  it("keeps the table of datalinks that it was given, and where it looks for libraries", async () => {
    const lines = await linesOf(WITH_FAKE_XDE, ["xde.sock", ...SHOW], folder(), {
      LD_LIBRARY_PATH: "/elsewhere",
      SLEDCAST_FAKE_DLADM: "/elsewhere/table",
    });
    expect(lines).toEqual([`${path.dirname(LIBDLADM)}:/elsewhere`, "/elsewhere/table"]);
  });

  it("finds them where their own path has a colon", async () => {
    const at = path.join(folder(), "a:b");
    mkdirSync(path.join(at, "scripts"), { recursive: true });
    mkdirSync(path.join(at, "build"));
    cpSync(WITH_FAKE_XDE, path.join(at, "scripts", "with-fake-xde"));
    symlinkSync(path.dirname(ADDON), path.join(at, "build", "Release"));
    const show = [...SHOW.slice(0, 2), `${SHOW[2]}; echo "$LD_PRELOAD"`];
    const env = { LD_LIBRARY_PATH: undefined };
    const [libraries = "", , preloaded = ""] = await linesOf(
      path.join(at, "scripts", "with-fake-xde"),
      ["/xde.sock", ...show],
      at,
      env,
    );
    for (const link of [libraries, preloaded]) {
      expect(link).not.toContain("a:b");
      onTestFinished(() => rmSync(path.dirname(link), { recursive: true }));
    }
    expect(existsSync(path.join(libraries, path.basename(LIBDLADM)))).toBe(true);
  });
});
