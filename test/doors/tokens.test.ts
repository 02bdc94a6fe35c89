/** Bearer tokens: the file they are in, and what is asked with and without one. */
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { messageOf } from "../../src/error.ts";
import { readPrivate, readPublic } from "../../src/host/private-file.ts";
import { changingNothing, expectDone, expectError } from "../http/expect.ts";
import { exchange, openSocket } from "../http/wire.ts";
import { audited, call, M2P, put, served, servedForAll, tokens } from "./kit.ts";

const FIRST = "6f1e".repeat(16);
const SECOND = "Second-token_of.32+characters/~!";
const FILE = `# who may ask\n\ncontrol-plane ${FIRST}\n  ${SECOND}  \n`;
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const rules = () => ({ rules: { tokens: tokens(FILE) } });
const shared = servedForAll(rules);

describe("a token", () => {
  test.each([
    ["by its name in the file", FIRST, "control-plane"],
    ["by its place in the file", SECOND, "#2"],
  ])("of the file opens the door, and the audit names it %s", async (_how, token, name) => {
    const at = await served(rules());
    expectDone(await put(at.port, bearer(token)));
    expect(audited(at)[0]?.fields.asked_by).toEqual({ remote_addr: "127.0.0.1", token: name });
  });

  test("is found whatever the case of its scheme", async () => {
    const { port } = shared();
    expect((await call(port, { headers: { authorization: `bEARER  ${FIRST}` } })).status).toBe(200);
  });

  test.each([
    ["another", `Bearer ${"0".repeat(64)}`],
    ["a part of one", `Bearer ${FIRST.slice(0, -1)}`],
    ["more than one", `Bearer ${FIRST}0`],
    ["a name", "Bearer control-plane"],
    ["two", `Bearer ${FIRST} ${SECOND}`],
    ["another scheme", `Basic ${FIRST}`],
    ["none after the scheme", "Bearer"],
    ["nothing at all", ""],
    ["one of a megabyte's tenth", `Bearer ${"a".repeat(8000)}`],
  ])("that is %s is 401 with a challenge and changes nothing", async (_what, authorization) => {
    const { sled, port } = shared();
    const answer = await changingNothing(sled, () => put(port, { headers: { authorization } }));
    expectError(answer, { status: 401 });
    expect(answer.headers["www-authenticate"]).toBe('Bearer error="invalid_token"');
  });

  test("that is missing is 401 with a challenge, says how to bear one, and changes nothing", async () => {
    const { sled, port } = shared();
    const answer = await changingNothing(sled, () => put(port));
    expectError(answer, { status: 401, names: "Authorization: Bearer TOKEN" });
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
  });

  test("is asked for before it is told which paths, methods and versions there are", async () => {
    const { port } = shared();
    for (const at of ["/nothing", "/metrics", "/readyz", "/openapi.json", "/docs", "/%zz", M2P]) {
      const answer = await call(port, { method: "DELETE", path: at, headers: { "api-version": "x" } });
      expectError(answer, { status: 401 });
    }
  });

  test("is asked for before a body is read: the refusal does not wait for it", async () => {
    const { port } = shared();
    const head = `PUT ${M2P} HTTP/1.1\r\nhost: sled\r\nconnection: close\r\ncontent-length: 1000000\r\n\r\n{`;
    expect((await exchange(port, head))[0]?.status).toBe(401);
  });

  test("is not asked for by /healthz alone", async () => {
    const { port } = shared();
    expect((await call(port, { path: "/healthz" })).status).toBe(200);
    expect((await call(port, { path: "/healthz?x=1" })).status).toBe(200);
    expect((await call(port, { path: "/healthz/x" })).status).toBe(401);
    expect((await call(port, { path: "/healthz", method: "PUT" })).status).toBe(401);
  });

  test("never gets into an answer or a record, right or wrong", async () => {
    const at = await served(rules());
    const wrong = "wrong-token-of-somebody-else-entirely";
    const answers = [await put(at.port, bearer(FIRST)), await put(at.port, bearer(wrong)), await call(at.port)];
    const said = JSON.stringify([answers, at.sled.log.records]);
    for (const secret of [FIRST, SECOND, wrong]) expect(said).not.toContain(secret);
  });

  test("taken out of the file opens nothing any more, also on a connection that is open", async () => {
    const { doors, port } = await served(rules());
    const socket = await openSocket(port);
    onTestFinished(() => void socket.destroy());
    const ask = async () => {
      socket.write(`GET ${M2P} HTTP/1.1\r\nhost: sled\r\nauthorization: Bearer ${FIRST}\r\n\r\n`);
      const [bytes] = await once(socket, "data");
      return String(bytes).split("\r\n", 1)[0];
    };
    expect(await ask()).toBe("HTTP/1.1 200 OK");
    doors.follow({ tokens: tokens(SECOND) }, 10, undefined);
    expect(await ask()).toBe("HTTP/1.1 401 Unauthorized");
    expect((await call(port, bearer(SECOND))).status).toBe(200);
  });
});

describe("a token file", () => {
  test.each([
    ["a token that is short", "short", "line 1: a token is 32 to 1024 visible ASCII characters"],
    ["a token with other characters", `\n${"ü".repeat(40)}`, "line 2: a token is"],
    ["three words in a line", `a b ${FIRST}`, "line 1: has more than a name and a token"],
    ["a name with other characters", `a:b ${FIRST}`, "line 1: the name has other characters"],
    ["a name twice", `a ${FIRST}\na ${SECOND}`, "line 2: the name a is there twice"],
    ["a token twice", `a ${FIRST}\nb ${FIRST}`, "line 2: the token is there twice"],
    ["no token", "# nothing\n", "has no token"],
    ["more tokens than a request can be held against", manyTokens(), "over 256 tokens"],
  ])("with %s is refused, naming the setting, the file and the line, and no token", (_what, content, why) => {
    const said = refusalOf(content);
    expect(said).toContain(why);
    expect(said).toMatch(/^auth\.token_file: tokens/);
    for (const word of content.split(/\s+/).filter((one) => one.length > 20)) expect(said).not.toContain(word);
  });

  test("of Windows' line ends is read as it is meant", () => {
    expect(tokens(`a ${FIRST}\r\n${SECOND}\r\n`).check(`Bearer ${SECOND}`)).toBe("#2");
  });
});

function refusalOf(content: string): string | undefined {
  try {
    tokens(content);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function manyTokens(): string {
  return Array.from({ length: 257 }, (_, i) => String(i).padStart(32, "0")).join("\n");
}

test("a client that follows the events is cut when its token is taken out of the file, and no other", async () => {
  const at = await served(rules());
  const follow = async (token: string) => {
    const head = `GET /multicast/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`;
    const socket = await openSocket(at.port);
    onTestFinished(() => void socket.destroy());
    socket.write(head);
    await once(socket, "data");
    return socket;
  };
  const [staying, going] = [await follow(FIRST), await follow(SECOND)];
  const closed = once(going, "close");
  at.doors.follow({ tokens: tokens(FIRST) }, 10, undefined);
  await closed;
  const told = once(staying, "data");
  expectDone(await put(at.port, bearer(FIRST)));
  expect(String((await told)[0])).toContain("event: ");
});

describe("a file with a secret", () => {
  function file(mode: number): string {
    const dir = mkdtempSync(path.join(tmpdir(), "secrets-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const made = path.join(dir, "tokens");
    writeFileSync(made, FIRST);
    chmodSync(made, mode);
    return made;
  }

  test.each([0o600, 0o400])("is read where it is its owner's alone (%o)", (mode) => {
    expect(readPrivate("auth.token_file", file(mode))).toBe(FIRST);
  });

  test.each([0o640, 0o604, 0o620, 0o602, 0o601, 0o644, 0o777])(
    "is refused where others could use it (%o): setting, file, mode and the way out are named",
    (mode) => {
      const made = file(mode);
      const why = `auth.token_file: ${made} has the mode 0${mode.toString(8)}`;
      expect(() => readPrivate("auth.token_file", made)).toThrow(why);
      expect(() => readPrivate("auth.token_file", made)).toThrow(`chmod 600 ${made}`);
    },
  );

  test("is refused where it is not there, and where it is no file", () => {
    expect(() => readPrivate("tls.key", "/nowhere/key")).toThrow("tls.key: /nowhere/key cannot be read: ENOENT");
    expect(() => readPrivate("tls.key", tmpdir())).toThrow("is no file");
  });

  test.each([0o644, 0o664, 0o444])("is not what a certificate is, which may be read by all (%o)", (mode) => {
    expect(readPublic("tls.ca", file(mode))).toBe(FIRST);
  });

  test.each([0o646, 0o666, 0o777])(
    "nor is one that anybody could change, which is refused all the same (%o)",
    (mode) => {
      const made = file(mode);
      expect(() => readPublic("tls.ca", made)).toThrow(`tls.ca: ${made} has the mode 0${mode.toString(8)}`);
      expect(() => readPublic("tls.ca", made)).toThrow(`chmod o-w ${made}`);
    },
  );
});
