/** By which names the agent may be called, and from which pages: DNS rebinding and cross-site requests. */
import { describe, expect, test } from "vitest";
import { HostRule } from "../../src/http/doors/hosts.ts";
import { changingNothing, expectDone, expectError } from "../http/expect.ts";
import { exchange } from "../http/wire.ts";
import { audited, call, loopbackHosts, M2P, put, servedForAll, tokens } from "./kit.ts";

const behind = servedForAll(() => ({ rules: { hosts: loopbackHosts("sled7.rack.example", "fd00::7") } }));
const alsoTokens = servedForAll(() => ({
  rules: { hosts: loopbackHosts(), tokens: tokens("0123456789abcdef0123456789abcdef") },
}));

describe("on a loopback address a Host", () => {
  test.each([
    "localhost",
    "localhost:12345",
    "LOCALHOST:1",
    "localhost.",
    "sled.localhost",
    "127.0.0.1",
    "127.9.8.7:80",
    "[::1]:12345",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]:1",
  ])("that is this host's own is served: %s", async (host) => {
    const { port } = behind();
    expectDone(await put(port, { headers: { host } }));
  });

  test.each([
    "evil.example",
    "evil.example:12345",
    "localhost.evil.example",
    "evillocalhost",
    "127.0.0.1.evil.example",
    "127.1",
    "10.0.0.1",
    "[fd00::1]:12345",
    "[::1",
    "localhost:80:80",
    "user@localhost",
    "localhost/",
  ])("that is another is 421, names the header and the way out, and changes nothing: %s", async (host) => {
    const { sled, port } = behind();
    const answer = await changingNothing(sled, () => put(port, { headers: { host } }));
    const { message } = expectError(answer, { status: 421, names: "auth.allowed_hosts" });
    expect(message).toContain('"host"');
  });

  test("that the settings allow is served, with any port", async () => {
    const { port } = behind();
    for (const host of ["sled7.rack.example", "Sled7.Rack.Example:443", "[fd00::7]:9"]) {
      expect((await call(port, { headers: { host } })).status).toBe(200);
    }
    expect((await call(port, { headers: { host: "rack.example" } })).status).toBe(421);
  });

  test("may be missing, as in HTTP/1.0", async () => {
    const { port } = behind();
    const [answer] = await exchange(port, `GET ${M2P} HTTP/1.0\r\n\r\n`);
    expect(answer?.status).toBe(200);
  });

  test.each(["/healthz", "/metrics", "/nothing", "/docs", "/%zz", "/networking/../x"])(
    "is looked at before anything else: %s",
    async (path) => {
      const { port } = alsoTokens();
      expectError(await call(port, { path, headers: { host: "evil.example", "api-version": "x" } }), { status: 421 });
    },
  );
});

describe("on a loopback address an Origin", () => {
  test.each(["http://localhost:12345", "http://127.0.0.1", "https://[::1]:1"])(
    "that is this host's own is served: %s",
    async (origin) => {
      const { port } = behind();
      expectDone(await put(port, { headers: { origin } }));
    },
  );

  test.each([
    "http://evil.example",
    "null",
    "",
    "http://localhost@evil.example",
    "file://",
    "http://localhost.evil.io",
  ])("of another page is refused, although the Host is right, and changes nothing: %s", async (origin) => {
    const { sled, port } = behind();
    const answer = await changingNothing(sled, () => put(port, { headers: { origin } }));
    expect(expectError(answer, { status: 421 }).message).toContain('"origin"');
  });
});

describe("a rule", () => {
  const tcp = (host: string) => ({ type: "tcp", host, port: 1 }) as const;

  test("is there for each loopback address without being asked for", () => {
    for (const host of ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"]) {
      expect(HostRule.for(tcp(host), []), host).toBeDefined();
    }
  });

  test("is there for other addresses only where names are allowed, and then the address is one of them", () => {
    expect(HostRule.for(tcp("fd00::1"), [])).toBeUndefined();
    const rule = HostRule.for(tcp("fd00::1"), ["sled7"]);
    const check = (host: string) => rule?.check({ headers: { host } } as never);
    expect(() => check("[fd00::1]:12345")).not.toThrow();
    expect(() => check("sled7:1")).not.toThrow();
    expect(() => check("sled8")).toThrow("sled8");
  });

  test("is never there for a Unix socket, which no browser reaches", () => {
    expect(HostRule.for({ type: "unix", path: "/s" }, ["sled7"])).toBeUndefined();
  });
});

test("what a terminal would obey in a Host is in the log, and not as it was sent", async () => {
  const at = behind();
  const head = `PUT ${M2P} HTTP/1.1\r\nhost: evil\u009b31m\u0085\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
  expectError((await exchange(at.port, head))[0] as never, { status: 421 });
  expect(audited(at).at(-1)?.fields.error_message_external).toContain('"evil\\u009b31m\\u0085"');
});
