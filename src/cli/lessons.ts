/** What the help of each command of `sledcast` says. */
import type { Lessons } from "../help.ts";

const STATE = "How it is:";
const TOLD = "What the sled is told:";
const TABLES = "What is in the driver and on the NICs:";
const UPKEEP = "Upkeep:";

export const LESSONS: Lessons = {
  status: {
    group: STATE,
    why: "Says how many of each thing the agent keeps, which memberships wait and why, and what failed and is being tried again.",
    examples: [
      ["sledcast status", "for people"],
      ["sledcast --json status | jq .degraded", "what needs a look"],
    ],
  },
  audit: {
    group: STATE,
    why: "Holds the driver's tables and the NICs against what should be, now rather than at the next interval. In repair mode it also mends what it finds.",
    examples: [
      ["sledcast audit", "after somebody changed the driver by hand"],
      ["sledcast --json audit | jq .findings", "for programs"],
    ],
  },
  doctor: {
    group: STATE,
    why: "Looks at host and agent and says of each check what was found, what was expected, and what to do. It changes nothing, and works while the agent is down. Exit status 1: something failed.",
    examples: [
      ["sledcast doctor", "ask the agent, and look at this host"],
      ["sledcast doctor --config /etc/sledcast.toml", "as that daemon is configured"],
      ["sledcast doctor --smf svc:/oxide/sledcast:default", "as that SMF instance is (illumos)"],
      ["sledcast doctor --xde-device /dev/xde", "the driver, without an agent"],
      ["sledcast --json doctor | jq '.[] | select(.state == \"failed\")'", "for programs"],
    ],
  },
  watch: {
    group: STATE,
    why: "Prints what changes on the sled, as it changes, and goes on after a restart of the agent. Ctrl-C ends it.",
    examples: [
      ["sledcast watch --kinds mapping,drift", "only these"],
      ["sledcast watch --since 1200", "what was missed since event 1200, too"],
      ["sledcast --json watch | jq -c .data", "a line of JSON an event"],
    ],
  },
  m2p: {
    group: TOLD,
    why: "Mappings say which underlay group carries an overlay group (M2P). Without one, nothing is sent to the group, and its members wait.",
  },
  "m2p list": {
    why: "Lists the mappings in the driver, whoever set them.",
    examples: [["sledcast m2p list", "a line a group"]],
  },
  "m2p set": {
    why: "Maps an overlay group to an underlay group, joins that on the NICs and wakes the members that waited. A group that is mapped elsewhere is moved, with its members.",
    examples: [
      ["sledcast m2p set 239.1.1.1 ff04::1", "IPv4 multicast"],
      ["sledcast m2p set ff0e::99 ff04::2", "IPv6 multicast"],
    ],
  },
  "m2p clear": {
    why: "Clears a group's mapping, if it is the one that is named; its members wait from then on.",
    examples: [["sledcast m2p clear 239.1.1.1 ff04::1", "clear what was set"]],
  },
  fwd: {
    group: TOLD,
    why: "Forwarding says to which next hops the driver sends copies of the packets of an underlay group.",
  },
  "fwd list": {
    why: "Lists the forwarding entries in the driver, a line a next hop.",
    examples: [["sledcast fwd list", "all of them"]],
  },
  "fwd set": {
    why: "Adds next hops to an underlay group's entry, and replaces those of the same address. To remove one, clear the entry and set what is to stay.",
    examples: [
      ["sledcast fwd set ff04::1 --hop fd00::99", "any source, on the underlay"],
      ["sledcast fwd set ff04::1 --hop fd00::99,both,include,10.0.0.5", "from one source only"],
      ["sledcast fwd set ff04::1 --empty", "drop what is sent to it"],
    ],
  },
  "fwd clear": {
    why: "Removes an underlay group's entry with all its next hops.",
    examples: [["sledcast fwd clear ff04::1", "send it nowhere any more"]],
  },
  config: {
    group: TOLD,
    why: "A declared configuration says what all mappings and forwarding are. While one is in force the agent brings the driver to it, keeps it there, and refuses single changes.",
  },
  "config get": {
    why: "Shows the configuration in force and its generation.",
    examples: [["sledcast --json config get > saved.json", "to be edited and applied"]],
  },
  "config apply": {
    why: "Puts the configuration of a JSON file in force. Its generation must be higher than that of the one in force; the same file again tries again what failed.",
    examples: [
      ["sledcast config apply wanted.json", "from a file"],
      ["jq .generation+=1 saved.json | sledcast config apply -", "from standard input"],
    ],
  },
  "config release": {
    why: "Gives the configuration up, so that single changes are allowed again. The driver stays as it is.",
    examples: [["sledcast config release", "before m2p set and fwd set"]],
  },
  vmm: {
    group: TOLD,
    why: "VMMs of this sled: those that a control plane registered with their ports, and those that were given ports that existed.",
  },
  "vmm list": {
    why: "Lists the VMMs with their ports; the primary one, for which memberships are, has a star.",
    examples: [["sledcast vmm list", "all of them"]],
  },
  "vmm show": {
    why: "Shows a VMM and each of its memberships: applied, pending or degraded, and why.",
    examples: [["sledcast vmm show $ID", "is the guest a member yet?"]],
  },
  "vmm adopt": {
    why: "Gives a VMM ports that exist in the driver, so that it can join groups. Such ports are never deleted by the agent.",
    examples: [
      ["sledcast vmm adopt $ID guest0", "one port"],
      ["sledcast vmm adopt $ID guest0 guest1 --primary guest1", "memberships are for guest1"],
    ],
  },
  "vmm unregister": {
    why: "Forgets a VMM and ends its memberships. Ports that were made for it are deleted, adopted ones stay.",
    examples: [["sledcast vmm unregister $ID", "the guest is gone"]],
  },
  join: {
    group: TOLD,
    why: "Joins a VMM to a group, on its primary port. Again, with other sources, replaces the sources. It waits where the group has no mapping yet.",
    examples: [
      ["sledcast join $ID 239.1.1.1", "any source"],
      ["sledcast join $ID 232.1.1.1 10.0.0.5 10.0.0.6", "these sources only"],
    ],
  },
  leave: {
    group: TOLD,
    why: "Ends a VMM's membership in a group.",
    examples: [["sledcast leave $ID 239.1.1.1", "no packets of it any more"]],
  },
  subs: {
    group: TABLES,
    why: "Subscriptions say which ports get the packets of an underlay group, and from which sources.",
  },
  "subs list": {
    why: "Lists the driver's subscriptions, those of others too.",
    examples: [["sledcast subs list", "who receives what"]],
  },
  filters: {
    group: TABLES,
    why: "NIC filters: the underlay groups that are joined on the NICs, since a NIC takes in no other multicast.",
  },
  "filters list": {
    why: "Lists each underlay group that is held, for which overlay groups, and whether each NIC has it.",
    examples: [["sledcast filters list", "is it joined everywhere?"]],
  },
  ports: { group: TABLES, why: "The driver's ports, which are guests' network interfaces." },
  "ports list": {
    why: "Lists the driver's ports and whose they are. The counters are the driver's own, for finding out where packets are dropped.",
    examples: [
      ["sledcast ports list", "with addresses and owners"],
      ["sledcast ports list --stats", "what each counts"],
      ["sledcast --json ports list --stats", "all counters, to the digit"],
    ],
  },
  ledger: {
    group: UPKEEP,
    why: "The ledger is what the agent keeps on the disk: VMMs, memberships, the configuration. These look at it without an agent.",
  },
  "ledger check": {
    why: "Says what can be read of the ledger and whether a daemon starts on it. It changes nothing. Exit status 1: no daemon does.",
    examples: [
      ["sledcast ledger check --state-dir /var/sledcast", "where the daemon keeps it"],
      ["sledcast --json ledger check", "for programs"],
    ],
  },
  "ledger repair": {
    why: "Keeps what can be read of a damaged ledger, says what is lost, and puts the damaged file aside. The daemon must be stopped.",
    examples: [
      ["sledcast ledger repair --state-dir /var/sledcast --dry-run", "see first"],
      ["sledcast ledger repair --state-dir /var/sledcast", "then do it"],
    ],
  },
  drain: {
    group: UPKEEP,
    why: "Takes all that is this agent's off the sled, for upkeep or a removal: VMMs with their memberships and ports, then forwarding, then mappings; a configuration in force is released. Ports of others, and adopted ones, stay. It lists all of it and asks first. A control plane that goes on calling sets it again: stop that first.",
    examples: [
      ["sledcast drain --dry-run", "what would go?"],
      ["sledcast drain", "list it, ask, do it"],
      ["sledcast drain --yes", "without a terminal"],
    ],
  },
};
