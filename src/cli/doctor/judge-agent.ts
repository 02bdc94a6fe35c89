/** The agent: whether it is reached and ready, of this version, and moving. */
import type { AgentFacts } from "./agent-facts.ts";
import { type Finding, failed, notApplicable, ok, some, warning } from "./finding.ts";
import type { HostFacts } from "./host-facts.ts";
import type { Subject } from "./told.ts";

export type Reached = Extract<AgentFacts, { readonly reached: true }>;
type Unreached = Exclude<AgentFacts, Reached>;

/** Somebody is there, or something is before it: what was said of it has the way out, or another program is there. */
function wayThrough(platform: NodeJS.Platform): string {
  const owner = platform === "sunos" ? "netstat -anu" : "ss -lntpx";
  return `do what is said there; where that is no sledcastd, ${owner} says who it is, and --agent where the agent is`;
}

function wayToAgent(
  { platform, holder }: HostFacts,
  { agent, status, isAbsent }: Unreached,
  { certificate }: Subject,
): string {
  if (status === 401 || status === 403)
    return "sledcast --token-file FILE, or --cert FILE --key FILE, as the agent asks";
  // Another address than the one that was tried: an agent is there.
  if (holder?.address !== undefined && !agent.endsWith(holder.address)) {
    const url = holder.address.startsWith("unix:")
      ? holder.address
      : `${certificate === undefined ? "http" : "https"}://${holder.address}`;
    return `sledcast --agent ${url} doctor`;
  }
  if (!isAbsent) return wayThrough(platform);
  if (platform === "sunos")
    return "svcs -xv sledcast; svcadm enable svc:/oxide/sledcast:default; svcadm clear sledcast";
  return holder === undefined ? "sledcastd &" : `ps -fp ${holder.pid}`;
}

export function judgeAgent(agent: AgentFacts, host: HostFacts, subject: Subject): Finding {
  const expected = "it answers";
  return agent.reached
    ? ok("agent", `${agent.agent} answers`, expected)
    : failed("agent", agent.reason, expected, wayToAgent(host, agent, subject));
}

export function judgeVersion({ status }: Reached, own: string, { platform }: HostFacts): Finding {
  const expected = `version ${own}, as this tool`;
  const found = `version ${status.version}`;
  const restart = platform === "sunos" ? "svcadm restart sledcast" : "stop sledcastd and start it again";
  return status.version === own
    ? ok("agent's version", found, expected)
    : warning("agent's version", found, expected, `${restart}, after an upgrade; which sledcast`);
}

export function judgeReadiness({ readiness }: Reached): Finding {
  const expected = "each step of the start was tried";
  if ("reason" in readiness) return failed("readiness", readiness.reason, expected, "sledcast status");
  const waiting = Object.entries(readiness.value.steps).filter(([, { done }]) => !done);
  if (waiting.length === 0) return ok("readiness", "ready", expected);
  const found = some(
    waiting.map(([step, { detail }]) => `${step}: ${detail}`),
    4,
  );
  return failed("readiness", found, expected, "mend what the first step waits for; the agent goes on by itself");
}

/** Seconds; what the agent itself calls slow. */
const SLOW_AFTER = 5;

export function judgeOperations({ status: { driver, lane } }: Reached, { platform }: HostFacts): Finding {
  const expected = "no operation waits long";
  const busy = driver.busy_with;
  const threads = platform === "sunos" ? "echo '::stacks -m xde' | mdb -k" : "sledcast status";
  if (busy !== null && busy.seconds >= SLOW_AFTER) {
    const found = `the driver has not answered ${busy.command} for ${busy.seconds.toFixed(0)} s; ${lane.waiting} operations wait`;
    return failed("operations", found, expected, threads);
  }
  if (2 * lane.waiting > lane.capacity) {
    const found = `${lane.waiting} of at most ${lane.capacity} operations wait`;
    return warning("operations", found, expected, "have the control plane ask less at once; sledcast status");
  }
  return ok("operations", lane.waiting === 0 ? "none waits" : `${lane.waiting} wait, none for long`, expected);
}

export function withoutAgent(checks: readonly string[]): Finding[] {
  return checks.map((check) => notApplicable(check, "no agent to ask", "the agent says"));
}
