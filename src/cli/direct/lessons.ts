/** What the help of each verb of `sledcast --direct` says. The examples are in opteadm's words. */
import type { Lessons } from "../../help.ts";

const PORTS = "Ports:";
const NETWORK = "What a port may use:";
const RULES = "Firewall and routes:";
const LAYERS = "Layers and flows:";
const ADDRESSES = "Addresses of others:";
const MULTICAST = "Multicast:";

const D = "sledcast --direct";

export const DIRECT_LESSONS: Lessons = {
  "list-ports": {
    group: PORTS,
    why: "Lists all ports that the driver has, whoever made them.",
    examples: [[`${D} list-ports`, "is the port there?"]],
  },
  "create-xde": {
    group: PORTS,
    why: "Makes a port and its data link, for a try without a control plane. All addresses are of one family.",
    examples: [
      [
        `${D} create-xde opte9 --guest-mac a8:40:25:0:0:9 --private-ip 10.0.0.9 \\\n    --vpc-subnet 10.0.0.0/24 --gateway-mac a8:40:25:ff:77:77 --gateway-ip 10.0.0.1 \\\n    --vpc-vni 200 --src-underlay-addr fd00::1`,
        "a port of IPv4",
      ],
    ],
  },
  "delete-xde": {
    group: PORTS,
    why: "Removes a port and its data link. The driver refuses one that a guest has open, and forgets its subscriptions all the same.",
    examples: [[`${D} delete-xde opte9`, "what was made by hand"]],
  },
  "set-xde-underlay": {
    group: PORTS,
    why: "Gives the driver the two devices that it sends on and takes from. Until it has them no port can be made.",
    examples: [[`${D} set-xde-underlay cxgbe0 cxgbe1`, "once after a boot"]],
  },
  "clear-xde-underlay": {
    group: PORTS,
    why: "Takes the underlay devices back; the forwarding table goes with them. The driver refuses while there are ports.",
    examples: [[`${D} clear-xde-underlay`, "before the driver is unloaded"]],
  },
  "allow-cidr": {
    group: NETWORK,
    why: "Lets a port send to and receive for a network beside its own address, as a guest that routes needs it.",
    examples: [
      [`${D} allow-cidr -p opte0 192.0.2.0/24`, "both directions"],
      [`${D} allow-cidr -p opte0 192.0.2.0/24 --dir in`, "one of them"],
    ],
  },
  "remove-cidr": {
    group: NETWORK,
    why: "Takes back what allow-cidr allowed.",
    examples: [[`${D} remove-cidr -p opte0 192.0.2.0/24`, "both directions"]],
  },
  "attach-subnet": {
    group: NETWORK,
    why: "Gives a port a network of its own: what is sent to any address in it reaches the guest.",
    examples: [
      [`${D} attach-subnet -p opte0 10.9.0.0/28`, "inside the VPC"],
      [`${D} attach-subnet -p opte0 198.51.100.0/28 -e`, "of external addresses"],
    ],
  },
  "detach-subnet": {
    group: NETWORK,
    why: "Takes a network from a port that attach-subnet gave it.",
    examples: [[`${D} detach-subnet -p opte0 10.9.0.0/28`, ""]],
  },
  "set-external-ips": {
    group: NETWORK,
    why: "Replaces all external addresses of a port; what is not named is gone.",
    examples: [[`${D} set-external-ips -p opte0 --floating-ip 203.0.113.9`, "one floating address"]],
  },
  "add-fw-rule": {
    group: RULES,
    why: "Adds a firewall rule to a port. The rule of the lowest priority that matches decides.",
    examples: [
      [
        `${D} add-fw-rule -p opte0 --dir in --action allow --priority 10 \\\n    --protocol tcp --ports 22 --hosts any`,
        "let SSH in",
      ],
    ],
  },
  "rm-fw-rule": {
    group: RULES,
    why: "Removes a firewall rule by its number, which dump-layer shows.",
    examples: [
      [`${D} dump-layer -p opte0 firewall`, "find the number"],
      [`${D} rm-fw-rule -p opte0 --dir in 3`, "remove it"],
    ],
  },
  "set-fw-rules": {
    group: RULES,
    why: "Replaces all firewall rules of a port by the lines of standard input. One that cannot be read changes nothing.",
    examples: [[`${D} set-fw-rules -p opte0 < rules`, "from a file"]],
  },
  "add-router-entry": {
    group: RULES,
    why: "Adds a route to a port: where packets for a network go. Its class is a part of its name.",
    examples: [[`${D} add-router-entry -p opte0 10.1.0.0/16 ip4=10.0.0.7 custom`, "by way of another guest"]],
  },
  "del-router-entry": {
    group: RULES,
    why: "Removes a route, named as it was added; another class or target is another route.",
    examples: [[`${D} del-router-entry -p opte0 10.1.0.0/16 ip4=10.0.0.7 custom`, ""]],
  },
  "list-layers": {
    group: LAYERS,
    why: "Lists the layers that a packet of a port goes through, in their order.",
    examples: [[`${D} list-layers -p opte0`, "the names that dump-layer takes"]],
  },
  "dump-layer": {
    group: LAYERS,
    why: "Shows a layer's rules and flows, for finding out which rule takes a packet.",
    examples: [[`${D} dump-layer -p opte0 firewall`, "which rule is hit?"]],
  },
  "clear-lft": {
    group: LAYERS,
    why: "Forgets the flows of one layer of a port; the next packets are decided anew.",
    examples: [[`${D} clear-lft -p opte0 firewall`, ""]],
  },
  "clear-uft": {
    group: LAYERS,
    why: "Forgets a port's established flows; the next packet of each goes through all layers again.",
    examples: [[`${D} clear-uft -p opte0`, "after a change by hand"]],
  },
  "dump-uft": {
    group: LAYERS,
    why: "Lists a port's established flows with what they count.",
    examples: [[`${D} dump-uft -p opte0`, "does anything flow?"]],
  },
  "dump-tcp-flows": {
    group: LAYERS,
    why: "Lists a port's TCP connections and the state of each.",
    examples: [[`${D} dump-tcp-flows -p opte0`, ""]],
  },
  "dump-v2p": {
    group: ADDRESSES,
    why: "Lists where the addresses of each VPC live (V2P): MAC and sled.",
    examples: [[`${D} dump-v2p`, "is the peer known here?"]],
  },
  "set-v2p": {
    group: ADDRESSES,
    why: "Says where an address of a VPC lives, so that packets for it find their sled.",
    examples: [[`${D} set-v2p 10.0.0.7 a8:40:25:0:0:7 fd00::2 200`, "on the sled fd00::2"]],
  },
  "clear-v2p": {
    group: ADDRESSES,
    why: "Forgets where an address of a VPC lives.",
    examples: [[`${D} clear-v2p 10.0.0.7 a8:40:25:0:0:7 fd00::2 200`, "as it was set"]],
  },
  "dump-v2b": {
    group: ADDRESSES,
    why: "Lists the tunnel endpoints by which networks outside the rack are reached (V2B).",
    examples: [[`${D} dump-v2b`, ""]],
  },
  "set-v2b": {
    group: ADDRESSES,
    why: "Adds tunnel endpoints to a network outside the rack.",
    examples: [[`${D} set-v2b 0.0.0.0/0 fd00:99::1`, "the way to the Internet"]],
  },
  "clear-v2b": {
    group: ADDRESSES,
    why: "Takes tunnel endpoints from a network outside the rack.",
    examples: [[`${D} clear-v2b 0.0.0.0/0 fd00:99::1`, ""]],
  },
  "dump-m2p": {
    group: MULTICAST,
    why: "Lists which overlay group is in which underlay group.",
    examples: [[`${D} dump-m2p`, "what the driver has"]],
  },
  "set-m2p": {
    group: MULTICAST,
    why: "Maps an overlay group to an underlay group, in the driver only: no NIC joins it. An agent that runs finds it at its next audit.",
    examples: [[`${D} set-m2p 239.1.1.1 ff04::1`, "a try without an agent"]],
  },
  "clear-m2p": {
    group: MULTICAST,
    why: "Clears a group's mapping. The driver does not compare the underlay group: whatever is named, the mapping goes.",
    examples: [[`${D} clear-m2p 239.1.1.1 ff04::1`, ""]],
  },
  "dump-mcast-fwd": {
    group: MULTICAST,
    why: "Lists to which next hops each underlay group is sent.",
    examples: [[`${D} dump-mcast-fwd`, ""]],
  },
  "set-mcast-fwd": {
    group: MULTICAST,
    why: "Adds a next hop to an underlay group, or replaces the one of that address; the others stay.",
    examples: [[`${D} set-mcast-fwd ff04::1 fd00::99 underlay`, "to the switch fd00::99"]],
  },
  "clear-mcast-fwd": {
    group: MULTICAST,
    why: "Removes an underlay group's entry with all its next hops.",
    examples: [[`${D} clear-mcast-fwd ff04::1`, ""]],
  },
  "dump-mcast-subs": {
    group: MULTICAST,
    why: "Lists which ports get the packets of each underlay group.",
    examples: [[`${D} dump-mcast-subs`, "who receives what"]],
  },
  "mcast-subscribe": {
    group: MULTICAST,
    why: "Subscribes a port to an overlay group, which must be mapped. Again replaces the sources.",
    examples: [
      [`${D} mcast-subscribe -p opte0 239.1.1.1`, "any source"],
      [`${D} mcast-subscribe -p opte0 --source 10.0.0.5 239.1.1.1`, "one source only"],
    ],
  },
  "mcast-unsubscribe": {
    group: MULTICAST,
    why: "Unsubscribes a port from an overlay group. Without a mapping of the group the driver does nothing, and says nothing.",
    examples: [[`${D} mcast-unsubscribe -p opte0 239.1.1.1`, ""]],
  },
  "mcast-unsubscribe-all": {
    group: MULTICAST,
    why: "Unsubscribes every port from the underlay group of an overlay group, those of others too.",
    examples: [[`${D} mcast-unsubscribe-all 239.1.1.1`, ""]],
  },
};
