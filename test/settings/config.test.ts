/** What settings may be, each by itself and together. */
import { describe, expect, test } from "vitest";
import { KEY_OF, KEYS, parseConfig } from "../../src/config.ts";

const refusal = (settings: Record<string, unknown>): string => {
  try {
    parseConfig(settings);
  } catch (error) {
    return (error as Error).message;
  }
  return "accepted";
};

test("every setting but the one that allows a wildcard is a value of its own", () => {
  expect([...Object.values(KEY_OF), "insecure_wildcard"].sort()).toEqual([...KEYS].sort());
});

test("2,048 connections and more are served unless it is said otherwise", () => {
  expect(parseConfig({}).maxConnections).toBeGreaterThanOrEqual(2048);
});

test("no rate of requests is limited, no token and no certificate is asked for, unless it is said", () => {
  const { rateLimit, tokenFile, tlsCert, tlsCa } = parseConfig({});
  expect({ rateLimit, tokenFile, tlsCert, tlsCa }).toEqual({
    rateLimit: 0,
    tokenFile: undefined,
    tlsCert: undefined,
    tlsCa: undefined,
  });
});

describe("what is refused, by its name", () => {
  test.each([
    ["socket.mode", { "socket.mode": "rw-rw----" }],
    ["socket.mode", { "socket.mode": "0999" }],
    ["listen", { listen: `unix:/${"s".repeat(107)}` }],
    ["socket.mode", { "socket.mode": 432 }],
    ["socket.owner", { "socket.owner": "root" }],
    ["socket.group", { "socket.group": "sys" }],
    ["tls.key", { "tls.cert": "/c.pem" }],
    ["tls.cert", { "tls.key": "/k.pem" }],
    ["tls.cert", { "tls.ca": "/ca.pem" }],
    ["tls.ca", { "tls.cert": "/c.pem", "tls.key": "/k.pem", "tls.allowed_names": ["nexus"] }],
    ["tls.cert", { listen: "unix:/s", "tls.cert": "/c.pem", "tls.key": "/k.pem" }],
    ["tls.allowed_names", { "tls.allowed_names": ["a", "a"] }],
    ["auth.token_file", { "auth.token_file": "" }],
    ["auth.allowed_hosts", { "auth.allowed_hosts": "sled" }],
    ["limits.connections", { "limits.connections": 0 }],
    ["limits.connections", { "limits.connections": "many" }],
    ["limits.header_bytes", { "limits.header_bytes": 10 }],
    ["limits.request_seconds", { "limits.request_seconds": 1.5 }],
    ["limits.rate", { "limits.rate": -1 }],
  ])("%s in %j", (key, settings) => {
    expect(refusal(settings)).toMatch(new RegExp(`^${key}[:[]`));
  });
});

test("a mode is read as octal, with a leading zero or without", () => {
  expect(parseConfig({ "socket.mode": "0600" }).socketMode).toBe(0o600);
  expect(parseConfig({ "socket.mode": "660" }).socketMode).toBe(0o660);
});

test("numbers are the same from a file and from a flag", () => {
  expect(parseConfig({ "limits.rate": "50" }).rateLimit).toBe(50);
  expect(parseConfig({ "limits.rate": 50 }).rateLimit).toBe(50);
});
