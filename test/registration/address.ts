/**
 * Addresses as numbers, read here once more and with nothing of the program's: two texts are of one
 * address if these are equal, however either side writes it.
 */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

function ofV4(text: string): bigint {
  return text.split(".").reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
}

function groupsOf(text: string): bigint[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [BigInt(`0x${group}`)];
    const tail = ofV4(group);
    return [tail >> 16n, tail & 0xffffn];
  });
}

export function address(text: string): Address {
  if (!text.includes(":")) return { bits: 32, value: ofV4(text) };
  const [head = "", tail] = text.split("::");
  const [before, after] = [groupsOf(head), groupsOf(tail ?? "")];
  const zeros = new Array<bigint>(tail === undefined ? 0 : 8 - before.length - after.length).fill(0n);
  return { bits: 128, value: [...before, ...zeros, ...after].reduce((sum, group) => sum * 65_536n + group, 0n) };
}

export interface Network extends Address {
  readonly width: number;
}

/** Bits beyond the width do not count: OPTE masks them off (opte-api ip.rs). */
export function network(text: string): Network {
  const [ip = "", width = ""] = text.split("/");
  const { bits, value } = address(ip);
  const rest = BigInt(bits - Number(width));
  return { bits, value: (value >> rest) << rest, width: Number(width) };
}

export function contains({ bits, value, width }: Network, ip: Address): boolean {
  const rest = BigInt(bits - width);
  return bits === ip.bits && ip.value >> rest === value >> rest;
}

const plain = ({ bits, value }: Address) => `${bits === 32 ? "v4" : "v6"} ${value.toString(16)}`;

export const ipKey = (text: string): string => plain(address(text));

export function cidrKey(text: string): string {
  const net = network(text);
  return `${plain(net)} /${net.width}`;
}

export const nextAfter = ({ bits, value }: Network): string => plain({ bits, value: value + 1n });

/** A part that is left out is zero, as in the original's parser. */
export function macKey(text: string): string {
  const parts = text.split(":").map((part) => Number.parseInt(part || "0", 16));
  return parts.map((part) => part.toString(16).padStart(2, "0")).join(":");
}
