/** What a person is told who has just started a lab: commands to be copied as they stand. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Lab } from "./lab.ts";
import { commandsToMake } from "./network.ts";
import type { Sled } from "./sled.ts";

const CLI = path.relative(process.cwd(), fileURLToPath(new URL("../../dist/cli.js", import.meta.url)));

function sledLines(sled: Sled): string[] {
  return [
    `sled ${sled.number}, NICs ${sled.nics.map(({ name }) => name).join(" and ")}, agent's pid ${sled.pid}`,
    `  its API    curl -sS --unix-socket ${sled.socket} http://sled/multicast/status`,
    `  the tool   node ${CLI} --agent unix:${sled.socket} status`,
    `  enter it   ip netns exec ${sled.namespace} bash`,
    `  its log    tail -f ${sled.log}`,
  ];
}

/** A sled does not get its own datagrams back, so there must be another to send them. */
function packetLines(from: Sled, to: Sled, traffic: string, underlay: string): string[] {
  return [
    `Count on sled ${to.number}, in another terminal; it prints a line for each interface when a sender is done (Ctrl-C ends it):`,
    `  ip netns exec ${to.namespace} ${traffic} count`,
    `Send ten datagrams from sled ${from.number} through both NICs:`,
    `  ip netns exec ${from.namespace} ${traffic} send -i u0 -i u1 -c 10 ${underlay}`,
    "u0 and u1 are the NICs with their filters, v0 and v1 the wires below them.",
    "",
  ];
}

export function guide(lab: Lab): string {
  const [first, last] = [lab.sled(1), lab.sled(lab.sleds.length)];
  const underlay = lab.group(0);
  const nic = last.nic("u0");
  const body = `{"group": "239.1.1.1", "underlay": "${underlay}"}`;
  return [
    `lab ${lab.id}: ${lab.sleds.length} sled${lab.sleds.length === 1 ? "" : "s"}; Ctrl-C removes it`,
    "",
    ...lab.sleds.flatMap((sled) => [...sledLines(sled), ""]),
    `Map a group on sled ${last.number}, which joins ${underlay} on its NICs:`,
    `  curl -sS --unix-socket ${last.socket} -X PUT http://sled/networking/mcast-m2p \\`,
    `    -H 'content-type: application/json' -d '${body}'`,
    "",
    ...(first === last ? [] : packetLines(first, last, lab.traffic, underlay)),
    "Take a NIC away, and bring it back:",
    `  ip -n ${last.namespace} link delete ${nic.name}`,
    ...commandsToMake(nic).map((command) => `  ip -n ${last.namespace} ${command}`),
    "Kill an agent; it is started again after a second:",
    `  kill -9 ${last.pid}`,
  ].join("\n");
}
