/** Closed doors of a real daemon: refused settings, SIGHUP, and the administrator's tool coming in. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { CLI, DAEMON, Daemon, type LogRecord, run } from "../process/daemon.ts";
import { authority, signed, skipTls } from "./certificates.ts";
import { call } from "./kit.ts";

const [A, B] = ["a".repeat(32), "b".repeat(32)];
const MAPPING = { group: "239.1.1.1", underlay: "ff04::1" };

function folder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "doors-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function secret(file: string, content: string): string {
  writeFileSync(file, content, { mode: 0o600 });
  return file;
}

async function daemon(...args: string[]): Promise<Daemon> {
  const started = new Daemon("--listen", "127.0.0.1:0", ...args);
  onTestFinished(async () => void (await started.stop("SIGKILL")));
  await started.logged(({ msg }) => msg === "ready");
  return started;
}

const put = async (socketPath: string, token: string) => {
  const authorization = `Bearer ${token}`;
  return (await call(0, { method: "PUT", body: MAPPING, socketPath, headers: { authorization } })).status;
};

test("a daemon takes up other tokens and another log level on SIGHUP, and audits changes at any level of the log", async () => {
  const dir = folder();
  const [config, tokenFile] = [path.join(dir, "settings.toml"), path.join(dir, "tokens")];
  const settings = (level: string) =>
    writeFileSync(config, `[log]\nlevel = "${level}"\n[auth]\ntoken_file = "${tokenFile}"\n`);
  secret(tokenFile, `first ${A}`);
  settings("error");
  const socket = path.join(dir, "s");
  const at = new Daemon("--listen", `unix:${socket}`, "--config", config);
  onTestFinished(async () => void (await at.stop("SIGKILL")));
  // At this level it does not say that it is ready.
  await vi.waitFor(
    async () =>
      expect(
        (await call(0, { path: "/readyz", socketPath: socket, headers: { authorization: `Bearer ${A}` } })).status,
      ).toBe(200),
    20_000,
  );
  expect([await put(socket, A), await put(socket, B)]).toEqual([204, 401]);
  writeFileSync(tokenFile, `second ${B}`);
  settings("info");
  process.kill(at.pid, "SIGHUP");
  const told = await at.logged(({ msg }) => String(msg).includes("auth.token_file"));
  expect(told.msg).toBe("settings read again: log.level changed, auth.token_file has 1 token");
  expect([await put(socket, A), await put(socket, B)]).toEqual([401, 204]);
  await at.stop();
  const audit = at.records.filter(({ audit }) => audit === true);
  const said = ({ level, response_code: status, asked_by: by }: LogRecord) => [level, status, (by as LogRecord).token];
  expect(audit.map(said)).toEqual([
    [30, 204, "first"],
    [30, 401, undefined],
    [30, 401, undefined],
    [30, 204, "second"],
  ]);
  for (const token of [A, B]) expect(JSON.stringify(at.records)).not.toContain(token);
});

test.skipIf(skipTls)(
  "a daemon serves https to the administrator's tool with a certificate, by options and by environment",
  async () => {
    const dir = folder();
    const ca = authority("rack");
    const [server, client] = [signed(ca, "/CN=sled7", "IP:127.0.0.1"), signed(ca, "/CN=ops")];
    const tls = ["--tls-cert", server.certFile, "--tls-key", secret(path.join(dir, "key"), server.key)];
    const names = ["--tls-ca", ca.certFile, "--tls-allowed-name", "ops"];
    const at = await daemon(...tls, ...names);
    const agent = ["--agent", at.url.replace("http:", "https:")];
    const env = { SLEDCAST_CERT: client.certFile, SLEDCAST_KEY: client.keyFile };
    const set = await run(CLI, [...agent, "--ca", ca.certFile, "m2p", "set", MAPPING.group, MAPPING.underlay], env);
    expect(set).toMatchObject({ code: 0, stderr: "" });
    expect(at.records.find(({ audit }) => audit === true)).toMatchObject({
      asked_by: { certificate: { name: "ops" } },
    });
  },
);

test("a door whose file or account cannot be used is exit 2, named by its setting", async () => {
  const open = path.join(folder(), "tokens");
  writeFileSync(open, A, { mode: 0o644 });
  const wrong: readonly (readonly [key: string, args: readonly string[]])[] = [
    ["auth.token_file", ["--token-file", open]],
    ["socket.owner", ["--listen", `unix:${path.join(folder(), "s")}`, "--socket-owner", "nobody-of-this-name"]],
  ];
  const ended = await Promise.all(wrong.map(([, args]) => run(DAEMON, args)));
  for (const [i, { code, stderr }] of ended.entries()) {
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`^sledcastd: ${wrong[i]?.[0]}: [^\\n]+\\n$`));
  }
});
