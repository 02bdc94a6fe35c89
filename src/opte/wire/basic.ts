/**
 * The small types that OPTE's messages are made of (opte-api `ip.rs`, `mac.rs`, `encap.rs`,
 * `dhcp.rs`). Names are the Rust types'; values are the branded texts and numbers of `net/`.
 */
import {
  type Cidr,
  cidrAddress,
  cidrLength,
  cidrOf,
  compareCidr,
  type Ipv4Cidr,
  type Ipv6Cidr,
} from "../../net/cidr.ts";
import type { UnderlayGroup } from "../../net/group.ts";
import type { Ip, Ipv4, Ipv6 } from "../../net/ip.ts";
import { ipv4At, ipv6At } from "../../net/ip-bytes.ts";
import { compareIpBytes, ipSize, writeIpBytes } from "../../net/ip-parse-bytes.ts";
import { type Mac, macFromBytes } from "../../net/mac.ts";
import type { Vni } from "../../net/vni.ts";
import { type Codec, mapped } from "../../postcard/codec.ts";
import { seq } from "../../postcard/collections.ts";
import { enumeration, option, struct, unit } from "../../postcard/composites.ts";
import { DecodeError, EncodeError } from "../../postcard/error.ts";
import type { Reader } from "../../postcard/reader.ts";
import { bytes, string, u8, u64 } from "../../postcard/scalars.ts";
import type { Writer } from "../../postcard/writer.ts";
import type { Uuid } from "../../uuid.ts";

function writeIp(to: Writer, ip: Ip): void {
  const at = to.claim(ipSize(ip));
  writeIpBytes(ip, to.bytes, at);
}

export const Ipv4Addr: Codec<Ipv4> = {
  read: (from) => ipv4At(from.bytes, from.skip(4)),
  write: writeIp,
  compare: compareIpBytes,
  least: 4,
  bytewise: true,
};

export const Ipv6Addr: Codec<Ipv6> = {
  read: (from) => ipv6At(from.bytes, from.skip(16)),
  write: writeIp,
  compare: compareIpBytes,
  least: 16,
  bytewise: true,
};

export const IpAddr = enumeration({ Ip4: Ipv4Addr, Ip6: Ipv6Addr });

/** The prefix length is one raw byte and nobody checks it: neither its size nor the host bits. */
function cidr<Address extends Ip, Network extends Cidr>(address: Codec<Address>): Codec<Network> {
  return {
    read: (from) => cidrOf(address.read(from), from.byte()) as Network,
    write: (to, value) => {
      address.write(to, cidrAddress(value) as Address);
      to.byte(cidrLength(value));
    },
    compare: compareCidr,
    least: address.least + 1,
  };
}

export const Ipv4CidrCodec = cidr<Ipv4, Ipv4Cidr>(Ipv4Addr);
export const Ipv6CidrCodec = cidr<Ipv6, Ipv6Cidr>(Ipv6Addr);
export const IpCidr = enumeration({ Ip4: Ipv4CidrCodec, Ip6: Ipv6CidrCodec });

export const MacAddr: Codec<Mac> = mapped(
  bytes(6),
  (raw) => macFromBytes([...raw]),
  (mac) => Uint8Array.from(mac.split(":"), (part) => Number.parseInt(part, 16)),
);

/** Three raw bytes, most significant first; not a varint. */
export const VniCodec: Codec<Vni> = mapped(
  bytes(3),
  ([high = 0, middle = 0, low = 0]) => ((high << 16) | (middle << 8) | low) as Vni,
  (vni) => Uint8Array.of(vni >> 16, (vni >> 8) & 255, vni & 255),
);

const UUID_BYTES = 16;

/** A length, always 16, and the bytes. */
export const UuidCodec: Codec<Uuid> = {
  read: (from) => {
    const size = from.length();
    const at = from.skip(size);
    if (size !== UUID_BYTES) throw new DecodeError("custom", from.at);
    const hex = Buffer.from(from.bytes.subarray(at, at + size)).toString("hex");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") as Uuid;
  },
  write: (to, value) => {
    to.length64(UUID_BYTES);
    const at = to.claim(UUID_BYTES);
    to.bytes.write(value.replaceAll("-", ""), at, UUID_BYTES, "hex");
  },
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  least: 1 + UUID_BYTES,
  bytewise: true,
};

/** Where an underlay group's bytes begin: an IPv6 address inside ff04::/16, the driver's decoder takes no other. */
export function skipUnderlay(from: Reader): number {
  const at = from.skip(16);
  if (from.bytes[at] !== 0xff || from.bytes[at + 1] !== 0x04) throw new DecodeError("custom", from.at);
  return at;
}

export const MulticastUnderlay: Codec<UnderlayGroup> = {
  read: (from) => ipv6At(from.bytes, skipUnderlay(from)) as UnderlayGroup,
  write: writeIp,
  compare: compareIpBytes,
  least: 16,
  bytewise: true,
};

/** Sent twice over, as typed and as the labels of RFC 1035 §3.1; nobody compares the two. */
export const DomainName = struct({ name: string, encoded: seq(u8) });

const MAX_LABEL = 63;

/** Length and characters of each label, and the root's empty one. */
export function domainLabels(name: string): number[] {
  const labels = name.split(".").filter((label) => label !== "");
  const long = labels.find((label) => Buffer.byteLength(label) > MAX_LABEL);
  if (long !== undefined) throw new EncodeError(`the label ${JSON.stringify(long)} has over ${MAX_LABEL} bytes`);
  return [...labels.flatMap((label) => [Buffer.byteLength(label), ...Buffer.from(label)]), 0];
}

export const DhcpCfg = struct({
  hostname: option(DomainName),
  host_domain: option(DomainName),
  domain_search_list: seq(DomainName),
  dns4_servers: seq(Ipv4Addr),
  dns6_servers: seq(Ipv6Addr),
});

export const Direction = enumeration({ In: unit, Out: unit });

/** A success without anything to say: the single byte 00. */
export const NoResp = struct({ unused: u64 });
