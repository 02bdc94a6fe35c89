/** A Unix socket: whose it is, from the first moment on. */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { clearStaleSocket, parseAccount, withAccess } from "../../src/host/unix-socket.ts";

function folder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "socket-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

describe("a Unix socket", () => {
  const modeOf = (socket: string) => statSync(socket).mode & 0o777;

  test.each([0o600, 0o660, 0o666])("is nobody else's before it has its mode (%o)", async (mode) => {
    const socket = path.join(folder(), "s");
    const server = createServer();
    onTestFinished(() => void server.close());
    const before = process.umask();
    let first: number | undefined;
    await withAccess(socket, { mode, uid: undefined, gid: undefined }, async () => {
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      first = modeOf(socket);
    });
    expect(first).toBe(0o700);
    expect(modeOf(socket)).toBe(mode);
    expect(process.umask()).toBe(before);
  });

  test("is given to the owner and the group that the settings name", async () => {
    const socket = path.join(folder(), "s");
    const server = createServer();
    onTestFinished(() => void server.close());
    // Only root can give it to another; to itself anybody can.
    const root = process.geteuid?.() === 0;
    const [uid, gid] = root ? [4711, 4712] : [process.geteuid?.(), process.getegid?.()];
    const listen = () => new Promise<void>((resolve) => server.listen(socket, resolve));
    await withAccess(socket, { mode: 0o660, uid, gid }, listen);
    expect(statSync(socket)).toMatchObject({ uid, gid });
    expect(modeOf(socket)).toBe(0o660);
  });

  test("whose folder is not there is a mistake in the settings, and not a privilege that is missing", async () => {
    const refused = clearStaleSocket("/nowhere/s", "listen: unix:/nowhere/s");
    await expect(refused).rejects.toMatchObject({
      kind: "bad-request",
      message: "listen: unix:/nowhere/s cannot be made: /nowhere is not there; make it first",
    });
  });

  test("that cannot be listened on leaves the mask as it was", async () => {
    const before = process.umask();
    const access = { mode: 0o660, uid: undefined, gid: undefined };
    const failing = withAccess("/nowhere/s", access, () => Promise.reject(new Error("no such folder")));
    await expect(failing).rejects.toThrow("no such folder");
    expect(process.umask()).toBe(before);
  });
});

/** Asks, as nobody, whether the socket is stale: root without privileges over others' files is no more than that. */
function clearAsNobody(socket: string, givenTo: number | "undefined"): string {
  const module = JSON.stringify(new URL("../../dist/host/unix-socket.js", import.meta.url).href);
  const script = `
    const { clearStaleSocket } = await import(${module});
    process.seteuid(65534);
    await clearStaleSocket(${JSON.stringify(socket)}, "listen", ${givenTo}).catch((error) => console.log(error.message));`;
  return execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }).trim();
}

/** In CI it fails where it cannot be tried. */
const inCI = process.env.CI === "true" || process.env.CI === "1";

describe.skipIf(process.geteuid?.() !== 0 && !inCI)("a socket that a killed process left with its owner (root)", () => {
  /** In a folder of nobody's, as the daemon's is its own. */
  async function left(): Promise<string> {
    const dir = folder();
    const socket = path.join(dir, "s");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${socket}.live`, resolve));
    renameSync(`${socket}.live`, socket);
    await new Promise((resolve) => server.close(resolve));
    chownSync(socket, 4711, 4711);
    chmodSync(socket, 0o600);
    chownSync(dir, 65534, 65534);
    return socket;
  }

  test("is removed where the settings give it to that owner again", async () => {
    const socket = await left();
    expect(clearAsNobody(socket, 4711)).toBe("");
    expect(existsSync(socket)).toBe(false);
  });

  test.each([4712, "undefined"] as const)("is somebody's where they give it to %s", async (givenTo) => {
    const socket = await left();
    expect(clearAsNobody(socket, givenTo)).toBe("listen is not free: EACCES");
    expect(existsSync(socket)).toBe(true);
  });
});

describe("an account", () => {
  function passwd(): string {
    const file = path.join(folder(), "passwd");
    writeFileSync(file, "root:x:0:0::/root:/bin/sh\noxide:x:123:45::/:/bin/sh\nbroken:x\n\n");
    return file;
  }

  test("is a number, a name of the file, or left out", () => {
    const file = passwd();
    expect(parseAccount("socket.owner", file, "oxide")).toBe(123);
    expect(parseAccount("socket.owner", file, "root")).toBe(0);
    expect(parseAccount("socket.owner", file, "77")).toBe(77);
    expect(parseAccount("socket.owner", "/nowhere", "77")).toBe(77);
    expect(parseAccount("socket.owner", file, undefined)).toBeUndefined();
  });

  test.each(["nobody-here", "broken", "x", "4294967295", "-1", "oxide:x"])(
    "that is none is refused by the setting's name: %s",
    (name) => {
      const file = passwd();
      expect(() => parseAccount("socket.owner", file, name)).toThrow(`socket.owner: ${file} has no ${name}`);
    },
  );

  test("whose file cannot be read is refused by the setting's name", () => {
    expect(() => parseAccount("socket.group", "/nowhere", "oxide")).toThrow(
      /^socket\.group: oxide cannot be looked up/,
    );
  });
});
