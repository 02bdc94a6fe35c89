/** Native code, NICs, the state directory and the ledger in it, and what the daemon was told. */
import type { AgentFacts } from "./agent-facts.ts";
import { counted, type Finding, failed, notApplicable, ok, some, warning } from "./finding.ts";
import type { HostFacts, Nic } from "./host-facts.ts";
import type { Subject, Told } from "./told.ts";

export function judgeSettings({ source, problem }: Told): Finding {
  const expected = "settings that a daemon takes";
  if (problem !== undefined) {
    return failed("settings", problem, expected, "correct what is named; sledcastd --help has every key");
  }
  return source === "nobody"
    ? notApplicable("settings", "nobody said: as the agent says, and the defaults", expected)
    : ok("settings", `as ${source} says`, expected);
}

export function judgeNative({ driver, nics = [] }: Subject, { native, platform }: HostFacts): Finding {
  const expected = "the addon, or koffi";
  if ("value" in native) {
    const { name, why } = native.value;
    return ok("native code", why === undefined ? name : `${name}, since the other does not load: ${why}`, expected);
  }
  const build = "node scripts/build-addon.mjs, in a checkout";
  const wayOut = platform === "sunos" ? `pkg fix sledcast, or install again; ${build}` : build;
  // A daemon over the model does without, and guards its state directory by the pid in it.
  return driver === "model" && nics.length === 0
    ? warning("native code", native.reason, expected, wayOut)
    : failed("native code", native.reason, expected, wayOut);
}

const WAYS_TO_NIC = {
  sunos: {
    missing: (name: string) => `dladm show-phys; dladm show-link ${name}; ipadm create-if -t ${name}`,
    bare: (name: string) => `ipadm create-addr -t -T addrconf ${name}/v6`,
  },
  others: {
    missing: (name: string) => `ip link show ${name}`,
    bare: (name: string) => `ip link set ${name} up; ip link set ${name} mtu 1500`,
  },
} as const;

function judgeNic({ name, index, ipv6 }: Nic, { platform }: HostFacts): Finding {
  const check = `NIC ${name}`;
  const expected = "it is there, with an IPv6 address";
  const ways = platform === "sunos" ? WAYS_TO_NIC.sunos : WAYS_TO_NIC.others;
  if (index === 0) return failed(check, "there is no such NIC with IP on it", expected, ways.missing(name));
  if (ipv6.length === 0) {
    return warning(check, `index ${index}, without an IPv6 address, or down`, expected, ways.bare(name));
  }
  return ok(check, `index ${index}, ${ipv6[0]}`, expected);
}

export function judgeNics({ nics, driver }: Subject, host: HostFacts): Finding[] {
  const expected = "the NICs of the underlay";
  if (nics === undefined) {
    return [notApplicable("NICs", "nobody said which; --underlay-nic, --config or --smf does", expected)];
  }
  if (nics.length === 0) {
    const found = "none is configured: underlay groups are joined nowhere";
    return driver === "model"
      ? [notApplicable("NICs", found, expected)]
      : [warning("NICs", found, expected, "sledcastd --underlay-nic NAME --underlay-nic NAME")];
  }
  if ("reason" in host.nics) {
    return [notApplicable("NICs", `they cannot be looked up: ${host.nics.reason}`, expected)];
  }
  return host.nics.value.map((nic) => judgeNic(nic, host));
}

export function judgeStateDir({ stateDir, isStateDirSaid }: Subject, host: HostFacts, agent: AgentFacts): Finding {
  const check = "state directory";
  const expected = "one daemon has it, the one that serves";
  const { holder, stateDir: state } = host;
  if (holder !== undefined) {
    const serving = holder.address === undefined ? "starting" : `serving ${holder.address}`;
    return ok(check, `${stateDir}: pid ${holder.pid}, ${serving}, since ${holder.since}`, expected);
  }
  if (state === "missing" && !isStateDirSaid) {
    return notApplicable(check, `no ${stateDir} here; --state-dir or --config says where it is`, expected);
  }
  if (state === "closed") {
    const wayOut = `ls -ld ${stateDir}; ${host.platform === "sunos" ? "pfexec" : "sudo"} sledcast doctor`;
    return warning(check, `${stateDir} may not be read and written by this process`, expected, wayOut);
  }
  if (agent.reached) {
    const found = `nobody has ${stateDir}: the agent at ${agent.agent} keeps its ledger elsewhere`;
    return warning(check, found, expected, "sledcast doctor --state-dir DIR, or --config FILE, of that agent");
  }
  return ok(check, state === "missing" ? `no ${stateDir} yet: a start makes it` : `nobody has ${stateDir}`, expected);
}

/** A ledger of thousands of VMMs, written anew, needs less. */
const ROOM = 64 << 20;

export function judgeRoom({ stateDir }: Subject, { free }: HostFacts): Finding {
  const expected = `room for the ledger: ${ROOM >> 20} MiB`;
  if (free === undefined) return notApplicable("disk", "nobody could say what is free", expected);
  const found = `${Math.floor(free / 2 ** 20)} MiB are free where ${stateDir} is`;
  const wayOut = `make room there: df -h ${stateDir}`;
  if (free >= ROOM) return ok("disk", found, expected);
  return free === 0 ? failed("disk", found, expected, wayOut) : warning("disk", found, expected, wayOut);
}

export function judgeLedger({ stateDir }: Subject, { ledger }: HostFacts): Finding {
  const expected = "a daemon starts on it";
  if ("reason" in ledger) return failed("ledger", ledger.reason, expected, `ls -l ${stateDir}; df -h ${stateDir}`);
  const { generations, refused } = ledger.value;
  const look = `sledcast ledger check --state-dir ${stateDir}`;
  if (refused !== undefined) {
    const repair = refused.why === "damaged" ? `sledcast ledger repair --state-dir ${stateDir}` : "install its version";
    return failed("ledger", refused.finding, expected, `${look}; ${repair}`);
  }
  const [newest] = generations;
  if (newest === undefined) return ok("ledger", `none in ${stateDir}: a start begins one`, expected);
  const problems = generations.flatMap((one) => one.problems.map((problem) => `${one.file}: ${problem}`));
  const size = `${counted(newest.entries, "entry", "entries")} in ${newest.file}`;
  // A record that was not written whole was never acknowledged; the next start drops it.
  return problems.length === 0
    ? ok("ledger", size, expected)
    : warning("ledger", `${size}; ${some(problems)}`, expected, look);
}

export function judgeDoorFiles({ platform, doorFiles }: HostFacts): Finding {
  const check = "door files";
  const expected = "tokens, keys and certificates that a daemon of this user takes";
  switch (doorFiles?.kind) {
    case undefined:
      return notApplicable(check, "none that anybody told of", expected);
    case "usable":
      return ok(check, "a daemon takes them", expected);
    case "closed": {
      const as = platform === "sunos" ? "pfexec" : "sudo";
      return notApplicable(check, `this process may not read ${doorFiles.file}; ${as} sledcast doctor may`, expected);
    }
    case "refused": {
      const again = platform === "sunos" ? "svcadm refresh sledcast" : "send the daemon SIGHUP";
      return failed(check, doorFiles.reason, expected, `mend what is named there; then ${again}`);
    }
  }
}

/** Days in which there is still time to see to it. */
const SOON = 14;
const DAY_MS = 86_400_000;

export function judgeCertificate({ certificate: file }: Subject, { certificate }: HostFacts, now: Date): Finding {
  const check = "certificate";
  const expected = `good for ${SOON} days more`;
  if (file === undefined || certificate === undefined) {
    return notApplicable(check, "no tls.cert that anybody told of", expected);
  }
  const wayOut = `openssl x509 -noout -dates -in ${file}; put a new one there and send the daemon SIGHUP`;
  if ("reason" in certificate) return failed(check, `${file}: ${certificate.reason}`, expected, wayOut);
  const days = Math.floor((certificate.value.getTime() - now.getTime()) / DAY_MS);
  const found = `${file} is good until ${certificate.value.toISOString()}`;
  if (days < 0) return failed(check, found, expected, wayOut);
  return days < SOON ? warning(check, found, expected, wayOut) : ok(check, found, expected);
}
