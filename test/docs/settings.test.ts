/** The operator guide's table of settings is the daemon's. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { type Config, KEY_OF, KEYS, parseConfig } from "../../src/config.ts";
import { parseFlags } from "../../src/flags.ts";
import { Daemon } from "../process/daemon.ts";
import { read } from "./documents.ts";

interface Row {
  readonly key: string;
  readonly flag: string;
  /** Undefined: said in words, since it depends on the host or there is none. */
  readonly fallback: string | undefined;
  readonly takenUp: string;
}

const ROW = /^\| `([\w.]+)` \| `(--[\w-]+)` \| (.*?) \| (now|restart) \| .+ \|$/gm;
const rows: readonly Row[] = [...read("docs/operator.md").matchAll(ROW)].map(
  ([, key = "", flag = "", fallback = "", takenUp = ""]) => ({
    key,
    flag,
    fallback: /^`(.*)`$/.exec(fallback)?.[1],
    takenUp,
  }),
);

test("every setting has a row, and no other", () => {
  expect(rows.map(({ key }) => key).sort()).toEqual([...KEYS].sort());
});

test("each flag is that of its setting", () => {
  const isSwitch = (flag: string) => ["--insecure-wildcard", "--no-set-underlay"].includes(flag);
  const keys = rows.map(({ flag }) => Object.keys(parseFlags(isSwitch(flag) ? [flag] : [flag, "x"]).settings)[0]);
  expect(keys).toEqual(rows.map(({ key }) => key));
});

test("each default is what the daemon takes when nothing is said", () => {
  const base = { driver: "model", state_dir: "/s" };
  const fields = Object.entries(KEY_OF) as [keyof Config, string][];
  for (const { key, fallback } of rows) {
    const [field] = fields.find(([, one]) => one === key) ?? [];
    if (fallback === undefined || field === undefined || key === "driver") continue;
    const said = fallback === "true" || fallback === "false" ? fallback === "true" : fallback;
    expect(parseConfig(base, { [key]: said })[field], key).toEqual(parseConfig(base)[field]);
  }
});

const TOKENS = "0123456789abcdef0123456789abcdef\n";

/** Every setting that can be another without another door. */
const OTHER = `
driver = "model"
[xde]
device = "/dev/xde1"
set_underlay = false
[model]
state = "other"
ports = ["other0"]
[underlay]
nics = ["other0"]
ip = "fd00::2"
join = "subscribed"
[log]
level = "debug"
format = "pretty"
[audit]
interval = 31
mode = "observe"
[auth]
token_file = "tokens"
allowed_hosts = ["other"]
[limits]
connections = 4097
header_bytes = 16385
request_seconds = 61
rate = 1
`;

interface Told {
  readonly changed: readonly { readonly setting: string }[];
  readonly waiting: readonly { readonly setting: string }[];
}

test("what a refresh takes up is taken up, and the rest waits for a restart", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "settings-"));
  const file = path.join(folder, "sledcast.toml");
  writeFileSync(path.join(folder, "tokens"), TOKENS, { mode: 0o600 });
  writeFileSync(file, "");
  const daemon = new Daemon("--config", file, "--listen", "127.0.0.1:0");
  try {
    await daemon.logged(({ msg }) => msg === "ready");
    writeFileSync(file, OTHER.replaceAll('"tokens"', JSON.stringify(path.join(folder, "tokens"))));
    process.kill(daemon.pid, "SIGHUP");
    const told = (await daemon.logged(({ msg }) => String(msg).startsWith("settings "))) as unknown as Told & {
      msg: string;
    };
    expect(told.msg).toMatch(/^settings read again/);
    const settings = (list: Told["changed"]) => list.map(({ setting }) => setting).sort();
    const tried = [...settings(told.changed), ...settings(told.waiting)];
    const said = (when: string) =>
      rows.flatMap(({ key, takenUp }) => (takenUp === when && tried.includes(key) ? [key] : [])).sort();
    expect(settings(told.changed)).toEqual(said("now"));
    expect(settings(told.waiting)).toEqual(said("restart"));
    expect(tried.length).toBeGreaterThan(15);
  } finally {
    await daemon.stop();
    rmSync(folder, { recursive: true });
  }
});
