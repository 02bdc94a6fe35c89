/** The driver's device, its version, and what this process may. */
import { isServed, SERVED } from "../../opte/versions.ts";
import type { AgentFacts } from "./agent-facts.ts";
import { type Finding, failed, notApplicable, ok, warning } from "./finding.ts";
import type { HostFacts } from "./host-facts.ts";
import type { Subject } from "./told.ts";

const AS_ROOT = "pfexec sledcast doctor";
const ELSEWHERE_AS_ROOT = "sudo sledcast doctor";

const isSunos = ({ platform }: Pick<HostFacts, "platform">) => platform === "sunos";

const asRoot = (host: Pick<HostFacts, "platform">) => (isSunos(host) ? AS_ROOT : ELSEWHERE_AS_ROOT);

function wayToDevice(path: string, code: string | undefined, host: HostFacts): string {
  if (code === "EACCES" || code === "EPERM") return `${asRoot(host)}; ls -lL ${path}`;
  if (!isSunos(host)) {
    return `scripts/with-fake-xde SOCKET sledcastd …, for a fake device; or --driver model, for none; ls -l ${path}`;
  }
  if (code === "EBUSY") return `fuser ${path}`;
  if (code === "ENOENT") return `pkg list -a '*opte*'; modinfo | grep xde; ls -l ${path}`;
  return `modinfo | grep xde; ls -lL ${path}; tail /var/adm/messages`;
}

/** An agent that works with the device proves that it can be worked with, whatever this process may. */
function agentWorks(agent: AgentFacts): boolean {
  return agent.reached && agent.status.driver.kind === "xde" && agent.status.driver.unavailable === undefined;
}

export function judgeDevice({ xdeDevice }: Subject, host: HostFacts, agent: AgentFacts): Finding {
  const expected = `${xdeDevice} opens, and the driver answers`;
  const { device } = host;
  if (device === undefined) return notApplicable("device", "the driver is the model, in the agent itself", expected);
  switch (device.kind) {
    case "answers":
      return ok("device", `${xdeDevice} answers`, expected);
    case "unserved":
      return ok("device", `${xdeDevice} opens`, expected);
    case "silent": {
      const found = `${xdeDevice} has not answered for ${device.seconds} s: the driver is stuck, or busy`;
      const threads = isSunos(host)
        ? "echo '::stacks -m xde' | mdb -k; dtrace -qs /opt/oxide/sledcast/dtrace/sledcast-slow.d"
        : "ps -eo pid,stat,wchan,args | grep sledcast";
      return failed("device", found, expected, threads);
    }
    case "refuses": {
      const wayOut = wayToDevice(xdeDevice, device.code, host);
      const mayNot = device.code === "EACCES" || device.code === "EPERM";
      if (mayNot && agentWorks(agent)) {
        return ok(
          "device",
          `the agent works with ${xdeDevice}; this process may not open it (${device.code})`,
          expected,
        );
      }
      return failed("device", device.reason, expected, wayOut);
    }
  }
}

export function judgeApiVersion(host: HostFacts, agent: AgentFacts): Finding {
  const expected = `OPTE API ${SERVED.join(" or ")}`;
  const { device } = host;
  if (device?.kind === "unserved") {
    const wayOut = isSunos(host) ? "pkg list -a '*opte*'; pkg list sledcast" : "sledcast --version";
    return failed("OPTE API", device.reason, expected, wayOut);
  }
  if (device?.kind === "answers") return ok("OPTE API", `API ${device.apiVersion}`, expected);
  if (!agent.reached) return notApplicable("OPTE API", "nobody could ask the driver", expected);
  const { kind, api_version: version, unavailable } = agent.status.driver;
  if (unavailable !== undefined) return notApplicable("OPTE API", "the driver does not answer the agent", expected);
  const found = `API ${version}${kind === "model" ? ", of the model" : ", says the agent"}`;
  return isServed(version)
    ? ok("OPTE API", found, expected)
    : failed("OPTE API", found, expected, "install sledcast and OPTE of the same API version");
}

/**
 * Privileges are not listed here but tried: the driver asks for `sys_dl_config` or `sys_net_config` when it is opened,
 * the system for `net_access` when a socket is made. So it says what this process may; a daemon under SMF may have less.
 */
export function judgePrivileges(host: HostFacts): Finding {
  const expected = "uid 0 with sys_dl_config and net_access";
  const { device, socket, uid } = host;
  if (!isSunos(host) && device === undefined) {
    return notApplicable("privileges", "without xde the daemon needs none", expected);
  }
  const who = uid === undefined ? "this process" : `this process, uid ${uid},`;
  const refused = [
    ...(device?.kind === "refuses" && device.code === "EACCES" ? ["is not let at the device (EACCES)"] : []),
    ...(device?.kind === "refuses" && device.code === "EPERM"
      ? ["lacks sys_dl_config, or sys_net_config, for the device (EPERM)"]
      : []),
    ...("value" in socket && socket.value !== undefined ? [`cannot make an IPv6 socket (${socket.value})`] : []),
  ];
  if (refused.length > 0) {
    const daemons = isSunos(host) ? "; svcprop -p start/privileges svc:/oxide/sledcast:default" : "";
    return warning("privileges", `${who} ${refused.join(", and ")}`, expected, `${asRoot(host)}${daemons}`);
  }
  const tried = [
    ...(device?.kind === "answers" ? ["may open the device"] : []),
    ...("value" in socket ? ["may make sockets"] : []),
  ];
  return tried.length === 0
    ? notApplicable("privileges", "nothing could be tried", expected)
    : ok("privileges", `${who} ${tried.join(", and ")}`, expected);
}
