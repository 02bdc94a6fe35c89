/** What the doctor makes of a host: facts go in, findings come out. */
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { lookAtHost } from "../../src/cli/doctor/host-facts.ts";
import { readTold, subjectOf } from "../../src/cli/doctor/told.ts";
import { LedgerRefused } from "../../src/intent/ledger/load.ts";
import { away, finding, findings, host, reached, status, subject, told } from "./doctor-facts.ts";

test("where nothing is wrong everything is ok", () => {
  expect(findings().filter(({ state }) => state !== "ok")).toEqual([]);
});

test("whatever is not in order has a way out, and nothing else has", () => {
  const bad = findings({
    told: told({ problem: "listen: nonsense" }),
    host: host({ device: { kind: "silent", seconds: 5 }, native: { reason: "no addon" }, stateDir: "closed" }),
    agent: away(),
  });
  for (const { state, wayOut } of bad) expect(wayOut !== undefined).toBe(state === "failed" || state === "warning");
});

test("settings that a daemon would refuse are a failure in the daemon's words", () => {
  expect(finding("settings", { told: told({ problem: "audit.mode: bad" }) })).toMatchObject({
    state: "failed",
    found: "audit.mode: bad",
  });
});

describe("the device", () => {
  test("is not applicable with the model", () => {
    const model = { subject: subject({ driver: "model", nics: [] }), host: host({ device: undefined }) };
    expect(finding("device", model).state).toBe("not applicable");
    expect(finding("NICs", model).state).toBe("not applicable");
  });

  test.each([
    ["ENOENT", "sunos", "modinfo | grep xde"],
    ["EACCES", "sunos", "pfexec sledcast doctor"],
    ["EBUSY", "sunos", "fuser /dev/xde"],
    ["ENXIO", "sunos", "tail /var/adm/messages"],
    ["EACCES", "linux", "sudo sledcast doctor"],
    ["ENOENT", "linux", "--driver model"],
  ] as const)("that refuses with %s on %s is a failure whose way out has %s", (code, platform, way) => {
    const device = { kind: "refuses", code, reason: `/dev/xde cannot be opened (${code})` } as const;
    const found = finding("device", { host: host({ platform, device }), agent: away() });
    expect(found).toMatchObject({ state: "failed", found: device.reason });
    expect(found.wayOut).toContain(way);
  });

  test("that this process may not open is in order where the agent works with it, and the privileges say so", () => {
    const device = { kind: "refuses", code: "EACCES", reason: "may not" } as const;
    const facts = { host: host({ device, uid: 1000 }), agent: reached() };
    expect(finding("device", facts)).toMatchObject({ state: "ok", found: expect.stringContaining("EACCES") });
    expect(finding("privileges", facts)).toMatchObject({
      state: "warning",
      found: expect.stringContaining("uid 1000"),
    });
    expect(finding("OPTE API", facts)).toMatchObject({ state: "ok", found: "API 41, says the agent" });
  });

  test("that does not answer is a failure that says for how long", () => {
    const found = finding("device", { host: host({ device: { kind: "silent", seconds: 5 } }) });
    expect(found).toMatchObject({ state: "failed", found: expect.stringContaining("for 5 s") });
    const [, script = ""] = /\/opt\/oxide\/sledcast\/(dtrace\/[\w-]+\.d)/.exec(found.wayOut ?? "") ?? [];
    expect(script).not.toBe("");
    expect(existsSync(`scripts/${script}`)).toBe(true);
  });

  test("of another API version opens, and the version is the failure", () => {
    const facts = { host: host({ device: { kind: "unserved", reason: "the kernel speaks API 38" } }), agent: away() };
    expect(finding("device", facts).state).toBe("ok");
    expect(finding("OPTE API", facts)).toMatchObject({ state: "failed", found: "the kernel speaks API 38" });
  });
});

test("a process without net_access is warned of by name of the errno", () => {
  const found = finding("privileges", { host: host({ socket: { value: "EACCES" } }) });
  expect(found).toMatchObject({ state: "warning", found: expect.stringContaining("IPv6 socket (EACCES)") });
});

test("Linux without xde has no privileges to check", () => {
  expect(finding("privileges", { host: host({ platform: "linux", device: undefined }) }).state).toBe("not applicable");
});

describe("a NIC", () => {
  const nic = (index: number, ipv6: readonly string[], platform: NodeJS.Platform = "sunos") =>
    finding("NIC cxgbe0", { host: host({ platform, nics: { value: [{ name: "cxgbe0", index, ipv6 }] } }) });

  test("that is not there is a failure, and is to be plumbed", () => {
    expect(nic(0, [])).toMatchObject({ state: "failed", wayOut: expect.stringContaining("ipadm create-if -t cxgbe0") });
    expect(nic(0, [], "linux").wayOut).toBe("ip link show cxgbe0");
  });

  test("without an IPv6 address is a warning", () => {
    expect(nic(3, [])).toMatchObject({ state: "warning", wayOut: expect.stringContaining("addrconf") });
  });

  test("that nobody configured beside xde is a warning", () => {
    expect(finding("NICs", { subject: subject({ nics: [] }) }).state).toBe("warning");
  });

  test("that nobody named says nothing", () => {
    expect(finding("NICs", { subject: subject({ nics: undefined }) }).state).toBe("not applicable");
  });
});

describe("the state directory", () => {
  test("says who has it", () => {
    expect(finding("state directory").found).toBe(
      "/var/sledcast: pid 77, serving [::1]:12345, since 2026-03-04T05:00:00.000Z",
    );
  });

  test("that nobody has while an agent answers is another one's", () => {
    expect(finding("state directory", { host: host({ holder: undefined }) })).toMatchObject({
      state: "warning",
      found: expect.stringContaining("keeps its ledger elsewhere"),
    });
  });

  test("that nobody named and that is not there says nothing", () => {
    const facts = {
      subject: subject({ isStateDirSaid: false }),
      host: host({ holder: undefined, stateDir: "missing" as const }),
    };
    expect(finding("state directory", facts).state).toBe("not applicable");
  });
});

describe("the ledger", () => {
  const generation = {
    file: "/var/sledcast/ledger.4",
    generation: 4,
    bytes: 10,
    format: 1,
    entries: 1,
    records: 2,
    problems: ["byte 9: torn"],
  };

  test("that a daemon refuses is a failure, and is to be repaired", () => {
    const refused = new LedgerRefused("damaged", "ledger.4 is damaged, line 3", ": repair it");
    const ledger = { value: { generations: [generation], refused } };
    expect(finding("ledger", { host: host({ ledger }) })).toMatchObject({
      state: "failed",
      found: "ledger.4 is damaged, line 3",
      wayOut: expect.stringContaining("sledcast ledger repair --state-dir /var/sledcast"),
    });
  });

  test("that has problems a start gets over is a warning", () => {
    const ledger = { value: { generations: [generation], refused: undefined } };
    expect(finding("ledger", { host: host({ ledger }) })).toMatchObject({
      state: "warning",
      found: "1 entry in /var/sledcast/ledger.4; /var/sledcast/ledger.4: byte 9: torn",
    });
  });
});

describe("the certificate", () => {
  const goodUntil = (time: string) =>
    finding("certificate", { host: host({ certificate: { value: new Date(time) } }) });

  test("is ok for weeks, a warning for two, and then a failure", () => {
    expect(goodUntil("2026-03-18T05:06:07.000Z").state).toBe("ok");
    expect(goodUntil("2026-03-18T05:06:06.000Z").state).toBe("warning");
    expect(goodUntil("2026-03-04T05:06:06.000Z")).toMatchObject({
      state: "failed",
      wayOut: expect.stringContaining("openssl x509 -noout -dates -in /etc/cert.pem"),
    });
  });

  test("that cannot be read is a failure with the reason", () => {
    const found = finding("certificate", { host: host({ certificate: { reason: "ENOENT" } }) });
    expect(found).toMatchObject({ state: "failed", found: "/etc/cert.pem: ENOENT" });
  });

  test("is not applicable where nobody told of one", () => {
    expect(finding("certificate", { subject: subject({ certificate: undefined }) }).state).toBe("not applicable");
  });
});

test("an agent that works over the model tells the API of the model", () => {
  const driver = { ...status().driver, kind: "model" as const };
  const agent = reached({ status: status({ driver }) });
  expect(finding("OPTE API", { host: host({ device: undefined }), agent }).found).toBe("API 41, of the model");
});

test.each([
  [0, "failed"],
  [1 << 20, "warning"],
  [1 << 30, "ok"],
])("a disk with %i bytes free is %s", (free, state) => {
  expect(finding("disk", { host: host({ free }) }).state).toBe(state);
});

describe("door files", () => {
  const CONFIG = "[auth]\ntoken_file = ";
  const TOKEN = "0123456789abcdef0123456789abcdef\n";

  async function look(mode: number, text: string) {
    const dir = mkdtempSync(path.join(tmpdir(), "doors-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const [tokens, config] = [path.join(dir, "tokens"), path.join(dir, "sledcast.toml")];
    writeFileSync(tokens, text, { mode: 0o600 });
    chmodSync(tokens, mode);
    writeFileSync(config, `state_dir = "${dir}"\n${CONFIG}"${tokens}"\n`);
    const real = subjectOf(await readTold({ config }), undefined, "linux");
    return finding("door files", { host: await lookAtHost(real) });
  }

  test("that a daemon takes are ok", async () => {
    expect((await look(0o600, TOKEN)).state).toBe("ok");
  });

  test.each([
    ["that others could read", 0o644, TOKEN, "chmod 600"],
    ["with something that is no token", 0o600, "short\n", "line 1"],
  ])("%s are a failure in the daemon's words", async (_what, mode, text, said) => {
    expect(await look(mode, text)).toMatchObject({ state: "failed", found: expect.stringContaining(said) });
  });

  test("that this process may not read say nothing of the daemon", () => {
    const facts = { host: host({ doorFiles: { kind: "closed", file: "/etc/tokens" } }) };
    expect(finding("door files", facts)).toMatchObject({
      state: "not applicable",
      found: expect.stringContaining("pfexec"),
    });
  });
});

test("native code that is missing on an installed sled is mended by its package", () => {
  const native = { reason: "no addon" };
  expect(finding("native code", { host: host({ native }) }).wayOut).toMatch(/^pkg fix sledcast/);
  expect(finding("native code", { host: host({ native, platform: "linux" }) }).wayOut).toMatch(
    /^node scripts\/build-addon/,
  );
});
