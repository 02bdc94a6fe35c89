/** All checks in the order in which a cause comes before what it causes. Facts go in, findings come out. */
import type { AgentFacts } from "./agent-facts.ts";
import type { Finding } from "./finding.ts";
import type { HostFacts } from "./host-facts.ts";
import { judgeAgent, judgeOperations, judgeReadiness, judgeVersion, withoutAgent } from "./judge-agent.ts";
import { judgeApiVersion, judgeDevice, judgePrivileges } from "./judge-device.ts";
import {
  judgeCertificate,
  judgeDoorFiles,
  judgeLedger,
  judgeNative,
  judgeNics,
  judgeRoom,
  judgeSettings,
  judgeStateDir,
} from "./judge-host.ts";
import { judgeAudit, judgeDegraded, judgeJoins, judgePending, judgePorts } from "./judge-state.ts";
import type { Subject, Told } from "./told.ts";

export interface Facts {
  readonly told: Told;
  readonly subject: Subject;
  readonly host: HostFacts;
  readonly agent: AgentFacts;
  /** This tool's. */
  readonly version: string;
  readonly now: Date;
}

export function judge({ told, subject, host, agent, version, now }: Facts): Finding[] {
  return [
    judgeSettings(told),
    judgeNative(subject, host),
    judgePrivileges(host),
    judgeDevice(subject, host, agent),
    judgeApiVersion(host, agent),
    ...judgeNics(subject, host),
    judgeStateDir(subject, host, agent),
    judgeRoom(subject, host),
    judgeLedger(subject, host),
    judgeDoorFiles(host),
    judgeCertificate(subject, host, now),
    judgeAgent(agent, host, subject),
    ...(agent.reached
      ? [
          judgeVersion(agent, version, host),
          judgeReadiness(agent),
          judgeOperations(agent, host),
          judgeJoins(agent, host),
          judgePorts(agent),
          judgePending(agent),
          judgeAudit(agent, host, subject, now),
          judgeDegraded(agent),
        ]
      : withoutAgent([
          "agent's version",
          "readiness",
          "operations",
          "joins",
          "ports",
          "memberships",
          "audit",
          "degraded",
        ])),
  ];
}
