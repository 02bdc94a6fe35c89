/** Facts of a host and an agent on which nothing is wrong, to be changed where a test needs it. */
import type { AgentFacts } from "../../src/cli/doctor/agent-facts.ts";
import type { Finding } from "../../src/cli/doctor/finding.ts";
import type { HostFacts } from "../../src/cli/doctor/host-facts.ts";
import { type Facts, judge } from "../../src/cli/doctor/judge.ts";
import type { Reached } from "../../src/cli/doctor/judge-agent.ts";
import type { Subject, Told } from "../../src/cli/doctor/told.ts";
import type { Status } from "../../src/cli/status.ts";

export const NOW = new Date("2026-03-04T05:06:07.000Z");

export const told = (change: Partial<Told> = {}): Told => ({
  source: "--config /etc/sledcast.toml",
  known: {},
  doors: undefined,
  problem: undefined,
  ...change,
});

export const subject = (change: Partial<Subject> = {}): Subject => ({
  driver: "xde",
  xdeDevice: "/dev/xde",
  stateDir: "/var/sledcast",
  isStateDirSaid: true,
  certificate: "/etc/cert.pem",
  doors: undefined,
  nics: ["cxgbe0"],
  auditInterval: 30,
  ...change,
});

export const host = (change: Partial<HostFacts> = {}): HostFacts => ({
  platform: "sunos",
  uid: 0,
  native: { value: { name: "addon" } },
  device: { kind: "answers", apiVersion: 41, ports: ["opte0"] },
  socket: { value: undefined },
  nics: { value: [{ name: "cxgbe0", index: 3, ipv6: ["fe80::1"] }] },
  ledger: { value: { generations: [], refused: undefined } },
  stateDir: "writable",
  free: 1 << 30,
  doorFiles: { kind: "usable" },
  certificate: { value: new Date("2027-01-01T00:00:00.000Z") },
  holder: { pid: 77, address: "[::1]:12345", since: "2026-03-04T05:00:00.000Z" },
  ...change,
});

export const status = (change: Partial<Status> = {}): Status => ({
  version: "1.2.3",
  generation: null,
  audits: [{ time: "2026-03-04T05:06:00.000Z", mode: "repair", seconds: 0.01, found: 0, findings: [] }],
  lane: { running: null, waiting: 0, capacity: 100 },
  counts: {},
  pending: [],
  degraded: [],
  driver: { kind: "xde", api_version: 41, through: "/dev/xde", binding: "addon", busy_with: null },
  join_binding: "addon",
  nics: ["cxgbe0"],
  ...change,
});

export const reached = (change: Partial<Reached> = {}): Reached => ({
  reached: true,
  agent: "http://[::1]:12345",
  status: status(),
  readiness: { value: { ready: true, steps: { driver: { done: true, detail: "answers" } } } },
  filters: { value: [] },
  ports: { value: [] },
  vmms: { value: [] },
  lost: undefined,
  ...change,
});

export const away = (change: Partial<Extract<AgentFacts, { reached: false }>> = {}): AgentFacts => ({
  reached: false,
  agent: "http://[::1]:12345",
  reason: "no agent answers at http://[::1]:12345 (ECONNREFUSED)",
  isAbsent: true,
  ...change,
});

export function findings(change: Partial<Facts> = {}): readonly Finding[] {
  return judge({
    told: told(),
    subject: subject(),
    host: host(),
    agent: reached(),
    version: "1.2.3",
    now: NOW,
    ...change,
  });
}

/** The finding of one check. */
export function finding(check: string, change: Partial<Facts> = {}): Finding {
  const found = findings(change).filter((one) => one.check === check);
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${found.length} findings of ${check}`);
  return first;
}
