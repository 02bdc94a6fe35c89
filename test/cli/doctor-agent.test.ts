/** What the doctor makes of an agent and of what it keeps. */
import { describe, expect, test } from "vitest";
import { lostJoins } from "../../src/cli/doctor/agent-facts.ts";
import { away, finding, findings, host, reached, status, subject } from "./doctor-facts.ts";

describe("an agent that is not reached", () => {
  test("is a failure, and what only it could say is not applicable", () => {
    const all = findings({ agent: away(), host: host({ holder: undefined }) });
    expect(all.filter(({ state }) => state === "failed").map(({ check }) => check)).toEqual(["agent"]);
    for (const check of ["readiness", "joins", "ports", "audit", "degraded"]) {
      expect(all.find((one) => one.check === check)?.state).toBe("not applicable");
    }
  });

  test("is looked for at the address that the lock file has", () => {
    const holder = { pid: 7, address: "127.0.0.1:999", since: "x" };
    const facts = { agent: away(), host: host({ holder }) };
    expect(finding("agent", facts).wayOut).toBe("sledcast --agent https://127.0.0.1:999 doctor");
    const plain = { ...facts, subject: subject({ certificate: undefined }) };
    expect(finding("agent", plain).wayOut).toBe("sledcast --agent http://127.0.0.1:999 doctor");
  });

  test("is enabled by SMF on illumos", () => {
    const { wayOut } = finding("agent", { agent: away(), host: host({ holder: undefined }) });
    expect(wayOut).toContain("svcadm enable svc:/oxide/sledcast:default");
  });

  test("and is there all the same is not to be started", () => {
    for (const platform of ["sunos", "linux"] as const) {
      const facts = {
        agent: away({ reason: "TLS failed", isAbsent: false }),
        host: host({ platform, holder: undefined }),
      };
      expect(finding("agent", facts).wayOut).toMatch(/^do what is said there; .*--agent/);
    }
  });

  test("because it asks who is there is a matter of tokens and certificates", () => {
    const { wayOut } = finding("agent", { agent: away({ status: 401 }) });
    expect(wayOut).toContain("--token-file");
  });
});

test("an agent of another version than the tool is a warning", () => {
  const agent = reached({ status: status({ version: "1.2.2" }) });
  expect(finding("agent's version", { agent })).toMatchObject({ state: "warning", found: "version 1.2.2" });
});

test("an agent that is not ready says which step waits for what", () => {
  const readiness = { value: { ready: false, steps: { driver: { done: false, detail: "ENOENT" } } } };
  expect(finding("readiness", { agent: reached({ readiness }) })).toMatchObject({
    state: "failed",
    found: "driver: ENOENT",
  });
});

describe("operations", () => {
  test("behind a driver command of five seconds are a failure that names it", () => {
    const driver = { ...status().driver, busy_with: { command: "SetMcast2Phys", seconds: 5 } };
    expect(finding("operations", { agent: reached({ status: status({ driver }) }) })).toMatchObject({
      state: "failed",
      found: expect.stringContaining("SetMcast2Phys for 5 s"),
    });
  });

  test("that fill more than half of the lane are a warning", () => {
    const lane = { running: null, waiting: 51, capacity: 100 };
    expect(finding("operations", { agent: reached({ status: status({ lane }) }) }).state).toBe("warning");
  });
});

describe("joins", () => {
  const nics = [{ name: "cxgbe0", index: 3, joined: false, error: "ENODEV" }];

  test("that are missing on a NIC are a failure with the reason", () => {
    const agent = reached({ filters: { value: [{ underlay: "ff04::1", nics }] } });
    expect(finding("joins", { agent })).toMatchObject({ state: "failed", found: "ff04::1 on cxgbe0: ENODEV" });
  });

  test("that the kernel does not have are a failure, whatever the agent says", () => {
    const agent = reached({ lost: [{ underlay: "ff04::1", nic: "cxgbe0" }] });
    expect(finding("joins", { agent })).toMatchObject({
      state: "failed",
      found: "ff04::1 on cxgbe0: the kernel does not have it",
    });
  });

  test("are held against the kernel's table by index and group", () => {
    const joined = (index: number | null) => [{ name: `nic${index}`, index, joined: true }];
    const filters = [
      { underlay: "ff04::1", nics: joined(3) },
      { underlay: "ff04::2", nics: joined(3) },
      { underlay: "ff04::1", nics: joined(4) },
      { underlay: "ff04::3", nics: joined(null) },
    ];
    const table = new Map([[3, new Set(["ff040000000000000000000000000001"])]]);
    expect(lostJoins(filters, table)).toEqual([
      { underlay: "ff04::2", nic: "nic3" },
      { underlay: "ff04::1", nic: "nic4" },
    ]);
  });

  test("without a NIC to join on are not applicable", () => {
    const agent = reached({ status: status({ nics: [] }) });
    expect(finding("joins", { agent }).state).toBe("not applicable");
  });
});

describe("ports", () => {
  const vmm = { propolis_id: "b", ports: [{ name: "opte0" }] };

  test("of a VMM that the driver does not have are a failure", () => {
    const agent = reached({ vmms: { value: [vmm] } });
    expect(finding("ports", { agent })).toMatchObject({
      state: "failed",
      found: "opte0 of VMM b is not in the driver",
    });
  });

  test("that could not be deleted yet are a warning", () => {
    const agent = reached({ ports: { value: [{ name: "opte1", owner: "registered" }] } });
    expect(finding("ports", { agent })).toMatchObject({ state: "warning", found: "opte1 could not be deleted yet" });
  });

  test("are counted by whose they are", () => {
    const ports = [
      { name: "opte0", owner: "registered", propolis_id: "b" },
      { name: "guest0", owner: "foreign" },
    ] as const;
    const agent = reached({ ports: { value: ports }, vmms: { value: [vmm] } });
    expect(finding("ports", { agent })).toMatchObject({ state: "ok", found: "1 registered, 0 adopted, 1 of others" });
  });

  test("that could not be listed are a failure in the agent's words", () => {
    expect(finding("ports", { agent: reached({ ports: { reason: "DRIVER_UNAVAILABLE" } }) })).toMatchObject({
      state: "failed",
      found: "DRIVER_UNAVAILABLE",
    });
  });
});

test("memberships that wait are a warning with the first reasons", () => {
  const pending = ["1", "2", "3", "4"].map((n) => ({ group: `239.1.1.${n}`, port: "opte0", reason: "no mapping" }));
  const { state, found } = finding("memberships", { agent: reached({ status: status({ pending }) }) });
  expect(state).toBe("warning");
  expect(found).toMatch(/^4 memberships waiting: 239\.1\.1\.1 on opte0: no mapping; .*; and 1 more$/);
});

describe("the audit", () => {
  const report = { time: "2026-03-04T05:06:00.000Z", mode: "repair", seconds: 0.01, found: 1 };
  const findingsOf = [{ what: "mapping-missing", subject: { group: "239.1.1.1" }, repaired: false, error: "EIO" }];
  const audited = (change: object, interval = 30) =>
    finding("audit", {
      agent: reached({ status: status({ audits: [{ ...report, findings: [], ...change }] }) }),
      subject: subject({ auditInterval: interval }),
    });

  test("that could not repair what it found is a failure", () => {
    expect(audited({ findings: findingsOf })).toMatchObject({
      state: "failed",
      found: expect.stringContaining("mapping-missing (239.1.1.1): EIO"),
    });
  });

  test("that only observes is a warning that says how to have it repair", () => {
    const observed = audited({ mode: "observe", findings: findingsOf });
    expect(observed).toMatchObject({ state: "warning", wayOut: expect.stringContaining("audit.mode repair") });
  });

  test("that has not run for three intervals is a warning, unless it runs on request only", () => {
    const long = { time: "2026-03-04T05:00:00.000Z" };
    expect(audited(long)).toMatchObject({ state: "warning", found: "the last one ended 367 s ago" });
    expect(audited(long, 0).state).toBe("ok");
  });

  test("that has not run since a start of long ago is a warning", () => {
    const agent = reached({ status: status({ audits: [] }) });
    const since = (time: string) => host({ holder: { pid: 77, since: time } });
    expect(finding("audit", { agent, host: since("2026-03-04T05:05:50.000Z") }).state).toBe("ok");
    expect(finding("audit", { agent, host: since("2026-03-04T05:00:00.000Z") })).toMatchObject({
      state: "warning",
      found: expect.stringContaining("none since the start"),
    });
  });

  test("that ended in the time to come tells of a clock that was set back", () => {
    expect(audited({ time: "2026-03-04T06:06:07.000Z" })).toMatchObject({
      state: "warning",
      found: expect.stringContaining("clock"),
    });
  });
});

test("what is degraded is a failure, and its way out is by what it is", () => {
  const degraded = [{ thing: "filter", subject: "ff04::1", reason: "ENODEV" }];
  expect(finding("degraded", { agent: reached({ status: status({ degraded }) }) })).toMatchObject({
    state: "failed",
    found: "filter ff04::1: ENODEV",
    wayOut: expect.stringContaining("sledcast filters list"),
  });
});
