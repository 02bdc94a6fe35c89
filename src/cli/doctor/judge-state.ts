/** What the agent keeps right: joins, ports, memberships, and what its audits found. */
import type { Filter, LostJoin } from "./agent-facts.ts";
import { counted, type Finding, failed, notApplicable, ok, some, warning } from "./finding.ts";
import type { HostFacts, Seen } from "./host-facts.ts";
import type { Reached } from "./judge-agent.ts";
import type { Subject } from "./told.ts";

function missingJoins(filters: readonly Filter[]): string[] {
  return filters.flatMap(({ underlay, nics }) =>
    nics.flatMap(({ name, joined, error }) => (joined ? [] : [`${underlay} on ${name}: ${error ?? "not joined"}`])),
  );
}

const lostText = ({ underlay, nic }: LostJoin) => `${underlay} on ${nic}: the kernel does not have it`;

export function judgeJoins({ filters, lost, status }: Reached, { platform }: HostFacts): Finding {
  const expected = "every group that is held is joined on every NIC";
  if ("reason" in filters) return failed("joins", filters.reason, expected, "sledcast filters list");
  const held = counted(filters.value.length, "group");
  if (status.nics.length === 0) return notApplicable("joins", `${held}, and no NIC to join on`, expected);
  const missing = [...missingJoins(filters.value), ...(lost ?? []).map(lostText)];
  const table = platform === "sunos" ? "netstat -gn -f inet6" : "ip -6 maddress show";
  if (missing.length > 0) return failed("joins", some(missing), expected, `sledcast audit; ${table}`);
  const by = lost === undefined ? "says the agent" : "as the kernel says, too";
  return ok("joins", `${held} on ${status.nics.join(", ")}, ${by}`, expected);
}

const isLeftOver = ({ owner, propolis_id: id }: { readonly owner: string; readonly propolis_id?: string }) =>
  owner === "registered" && id === undefined;

export function judgePorts({ ports, vmms }: Reached): Finding {
  const expected = "every VMM's ports are there, and no port of ours is without one";
  for (const list of [ports, vmms] satisfies Seen<unknown>[]) {
    if ("reason" in list) return failed("ports", list.reason, expected, "sledcast status");
  }
  if (!("value" in ports && "value" in vmms)) return notApplicable("ports", "they could not be listed", expected);
  const there = new Set(ports.value.map(({ name }) => name));
  const gone = vmms.value.flatMap(({ propolis_id: id, ports: own }) =>
    own.flatMap(({ name }) => (there.has(name) ? [] : [`${name} of VMM ${id} is not in the driver`])),
  );
  if (gone.length > 0) return failed("ports", some(gone), expected, "sledcast audit; sledcast vmm list");
  const left = ports.value.filter(isLeftOver).map(({ name }) => `${name} could not be deleted yet`);
  if (left.length > 0) {
    return warning("ports", some(left), expected, "the agent keeps trying; sledcast status says why it could not");
  }
  const of = (owner: string) => ports.value.filter((port) => port.owner === owner).length;
  return ok("ports", `${of("registered")} registered, ${of("adopted")} adopted, ${of("foreign")} of others`, expected);
}

/** With the daemon's default of 30 s, where nobody said. */
const USUAL_INTERVAL = 30;
/** Seconds that an audit may take, or a clock be off. */
const LEEWAY = 60;

function judgeAuditAge(age: number, interval: number): string | undefined {
  if (age < -LEEWAY) return `it ended ${Math.round(-age)} s from now: the clock was set back`;
  if (interval > 0 && age > 3 * interval + LEEWAY) return `the last one ended ${Math.round(age)} s ago`;
  return undefined;
}

export function judgeAudit(
  { status: { audits } }: Reached,
  { holder }: HostFacts,
  { auditInterval }: Subject,
  now: Date,
): Finding {
  const interval = auditInterval ?? USUAL_INTERVAL;
  const often = interval === 0 ? "on request only" : `every ${interval} s`;
  const expected = `audits run ${often}${auditInterval === undefined ? ", where nobody set it otherwise" : ""}, and repair what they find`;
  const [last] = audits;
  if (last === undefined) {
    const runs = holder === undefined ? 0 : (now.getTime() - Date.parse(holder.since)) / 1000;
    if (judgeAuditAge(runs, interval) === undefined) return ok("audit", "none yet", expected);
    return warning("audit", `none since the start at ${holder?.since}`, expected, "sledcast audit; sledcast status");
  }
  const left = last.findings.filter(({ repaired }) => !repaired);
  if (left.length > 0) {
    const texts = left.map(({ what, subject, error }) => {
      const of = Object.values(subject).join(", ");
      return `${what} (${of})${error === undefined ? "" : `: ${error}`}`;
    });
    const found = `${last.time}, left as it was: ${some(texts)}`;
    return last.mode === "observe"
      ? warning("audit", found, expected, "audit.mode repair mends it; sledcast audit lists all")
      : failed("audit", found, expected, "sledcast audit tries again, and lists all");
  }
  const age = (now.getTime() - Date.parse(last.time)) / 1000;
  const late = judgeAuditAge(age, interval);
  if (late !== undefined) return warning("audit", late, expected, "sledcast audit; date; sledcast status");
  return ok("audit", `${last.time} (${last.mode}), ${last.found} found, nothing left`, expected);
}

export function judgePending({ status: { pending } }: Reached): Finding {
  const expected = "no membership waits";
  if (pending.length === 0) return ok("memberships", "none waits", expected);
  const texts = pending.map(
    ({ group, port, propolis_id: id, reason }) => `${group} on ${port ?? `VMM ${id}`}: ${reason}`,
  );
  const wayOut = "sledcast m2p set GROUP UNDERLAY; sledcast vmm show PROPOLIS-ID";
  return warning("memberships", `${counted(pending.length, "membership")} waiting: ${some(texts)}`, expected, wayOut);
}

/** What to look at for each kind of thing. */
const WAYS: Readonly<Record<string, string>> = {
  nic: "sledcast doctor --underlay-nic NAME",
  filter: "sledcast filters list",
  ledger: "df -h the state directory; sledcast ledger check",
  membership: "sledcast vmm show PROPOLIS-ID",
  forwarding: "sledcast fwd list",
  mapping: "sledcast m2p list",
  port: "sledcast ports list",
};

export function judgeDegraded({ status: { degraded } }: Reached): Finding {
  const expected = "nothing failed that is being tried again";
  if (degraded.length === 0) return ok("degraded", "nothing", expected);
  const texts = degraded.map(({ thing, subject, reason }) => `${thing} ${subject}: ${reason}`);
  const ways = new Set(degraded.flatMap(({ thing }) => WAYS[thing] ?? []));
  const wayOut = ["the agent keeps trying; sledcast status lists all", ...ways].join("; ");
  return failed("degraded", some(texts), expected, wayOut);
}
