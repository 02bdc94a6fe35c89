/** From settings to doors: which files are refused, what is warned of, and what SIGHUP may change. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { openDoors } from "../../src/open-doors.ts";
import { Reload } from "../../src/reload.ts";
import type { Settings } from "../../src/settings.ts";
import { RecordingLog } from "../harness/sled.ts";
import { authority, type Certificate, signed, skipTls } from "./certificates.ts";

const [A, B] = ["a".repeat(32), "b".repeat(32)];

function secret(content: string, mode = 0o600): string {
  const dir = mkdtempSync(path.join(tmpdir(), "open-doors-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const made = path.join(dir, "file");
  writeFileSync(made, content);
  chmodSync(made, mode);
  return made;
}

function opened(settings: Settings) {
  const log = new RecordingLog();
  const config = (more: Settings) => parseConfig({ driver: "model", ...settings, ...more });
  const { doors, follower } = openDoors(config({}), log);
  return { log, doors, follower, config };
}
const warnings = ({ log }: { readonly log: RecordingLog }) =>
  log.records.filter(({ level }) => level === "warn").map(({ message }) => message);

/** What a request is refused with; undefined: it is let in. */
function refusal({ doors }: Pick<ReturnType<typeof opened>, "doors">, headers: Record<string, string>) {
  try {
    const request = { headers, rawHeaders: [], socket: { remoteAddress: "127.0.0.1" } };
    doors.admit(request as never, "/networking/ports");
    return undefined;
  } catch (error) {
    return (error as { readonly status?: number }).status;
  }
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe("plain HTTP", () => {
  test.each(["127.0.0.1:1", "[::1]:1", "unix:/run/s"])("is served without a warning on %s", (listen) => {
    expect(warnings(opened({ listen }))).toEqual([]);
  });

  test("on any other address is warned of, and tokens over it once more", () => {
    expect(warnings(opened({ listen: "10.0.0.1:1" }))).toEqual([expect.stringMatching(/^plain HTTP .* set tls\.cert/)]);
    const tokenFile = secret(A);
    expect(warnings(opened({ listen: "[fd00::1]:1", "auth.token_file": tokenFile }))).toEqual([
      expect.stringMatching(/^plain HTTP/),
      expect.stringMatching(/^the tokens of auth\.token_file/),
    ]);
  });
});

describe("SIGHUP", () => {
  test("takes up tokens from the same file, says how many, and says nothing where they are the same", async () => {
    const file = secret(A);
    const at = opened({ "auth.token_file": file });
    expect([refusal(at, bearer(A)), refusal(at, bearer(B))]).toEqual([undefined, 401]);
    writeFileSync(file, `${B}\nops ${"c".repeat(32)}`);
    const takeUp = await at.follower.prepare(at.config({}));
    expect([refusal(at, bearer(A)), refusal(at, bearer(B))]).toEqual([undefined, 401]);
    expect(takeUp()).toEqual(["auth.token_file has 2 tokens"]);
    expect([refusal(at, bearer(A)), refusal(at, bearer(B))]).toEqual([401, undefined]);
    expect((await at.follower.prepare(at.config({})))()).toEqual([]);
  });

  test.each([
    ["not private any more", (file: string) => chmodSync(file, 0o644)],
    ["gone", (file: string) => rmSync(file)],
    ["empty", (file: string) => writeFileSync(file, "")],
  ])("with a token file that is %s changes nothing, and names it", async (_what, spoil) => {
    const file = secret(A);
    const at = opened({ "auth.token_file": file });
    spoil(file);
    await expect(at.follower.prepare(at.config({ "auth.allowed_hosts": ["sled7"] }))).rejects.toThrow(file);
    expect([refusal(at, bearer(A)), refusal(at, bearer(B))]).toEqual([undefined, 401]);
    expect(refusal(at, { ...bearer(A), host: "sled7" })).toBe(421);
  });

  test("takes up other allowed hosts and another rate", async () => {
    const at = opened({});
    expect(refusal(at, { host: "sled7" })).toBe(421);
    (await at.follower.prepare(at.config({ "auth.allowed_hosts": ["sled7"], "limits.rate": 1 })))();
    expect([1, 2].map(() => refusal(at, { host: "sled7" }))).toEqual([undefined, 429]);
  });

  test("does not give who has used up a rate a new one", async () => {
    const at = opened({ "limits.rate": 1 });
    expect([1, 2].map(() => refusal(at, {}))).toEqual([undefined, 429]);
    (await at.follower.prepare(at.config({})))();
    expect(refusal(at, {})).toBe(429);
  });

  test("opens no door of this address for another that waits for a restart", () => {
    const at = opened({ "auth.token_file": secret(A) });
    const waits = (more: Settings) => at.follower.waits?.(at.config({ "auth.token_file": undefined, ...more }));
    expect(waits({ listen: "unix:/run/s" })).toBe(true);
    expect(waits({ "tls.cert": "c", "tls.key": "k" })).toBe(true);
    expect(waits({})).toBe(false);
  });
});

test("SIGHUP with another address says that it waits for a restart, and the doors with it", async () => {
  const at = opened({ "auth.token_file": secret(A) });
  const wanted = at.config({ "auth.token_file": undefined, listen: "unix:/run/s" });
  const reload = new Reload(at.config({}), async () => wanted, [at.follower], at.log);
  await reload.run();
  expect(at.log.records.at(-1)?.message).toBe(
    "settings read again: nothing changed; at the next restart: listen, auth.token_file",
  );
  expect([refusal(at, bearer(A)), refusal(at, {})]).toEqual([undefined, 401]);
});

describe.skipIf(skipTls)("TLS", () => {
  let ca: Certificate;
  let server: Certificate;
  beforeAll(() => {
    ca = authority("rack");
    server = signed(ca, "/CN=sled7", "IP:127.0.0.1");
  });
  const settings = (change: Settings = {}) => ({
    listen: "10.0.0.1:1",
    "tls.cert": server.certFile,
    "tls.key": server.keyFile,
    "tls.ca": ca.certFile,
    ...change,
  });

  test("on an address that is not loopback is no reason for a warning", () => {
    expect(warnings(opened(settings()))).toEqual([]);
  });

  test("with a key that others can read is refused by the setting's name", () => {
    const readable = secret(server.key, 0o644);
    expect(() => opened(settings({ "tls.key": readable }))).toThrow(`tls.key: ${readable} has the mode 0644`);
  });

  test("is renewed by SIGHUP from the same files, which says until when", async () => {
    const [cert, key] = [secret(server.cert), secret(server.key)];
    const at = opened(settings({ "tls.cert": cert, "tls.key": key }));
    const next = signed(ca, "/CN=sled7", "IP:127.0.0.1");
    writeFileSync(cert, next.cert);
    await expect(at.follower.prepare(at.config({}))).rejects.toThrow(
      `${key} is not the key of the certificate in ${cert}`,
    );
    writeFileSync(key, next.key);
    expect((await at.follower.prepare(at.config({})))()).toEqual([
      expect.stringMatching(/^tls\.cert renewed \(valid until \d{4}-\d\d-\d\dT/),
      "tls.key renewed",
    ]);
  });
});
