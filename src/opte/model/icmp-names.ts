/** ICMP's message types in the words of smoltcp 0.11, which the driver prints them with; others are their number. */

const ICMP: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "destination unreachable",
  5: "message redirect",
  8: "echo request",
  9: "router advertisement",
  10: "router solicitation",
  11: "time exceeded",
  12: "parameter problem",
  13: "timestamp",
  14: "timestamp reply",
};

const ICMPV6: Readonly<Record<number, string>> = {
  1: "destination unreachable",
  2: "packet too big",
  3: "time exceeded",
  4: "parameter problem",
  128: "echo request",
  129: "echo reply",
  130: "multicast listener query",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbor solicitation",
  136: "neighbor advert",
  137: "redirect",
  143: "multicast listener report",
  155: "RPL control message",
};

export function icmpName(protocol: "icmp" | "icmpv6", type: number): string {
  return (protocol === "icmp" ? ICMP : ICMPV6)[type] ?? String(type);
}
