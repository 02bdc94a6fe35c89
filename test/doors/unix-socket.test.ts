/** A Unix socket: whose it is, from the first moment on. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseAccount, withAccess } from "../../src/host/unix-socket.ts";

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

  test("that cannot be listened on leaves the mask as it was", async () => {
    const before = process.umask();
    const access = { mode: 0o660, uid: undefined, gid: undefined };
    const failing = withAccess("/nowhere/s", access, () => Promise.reject(new Error("no such folder")));
    await expect(failing).rejects.toThrow("no such folder");
    expect(process.umask()).toBe(before);
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
