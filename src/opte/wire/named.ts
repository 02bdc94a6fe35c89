/** Every wire type by its Rust name, as it is in each API version: what vectors are checked against. */
import type { Codec } from "../../postcard/codec.ts";
import { seq } from "../../postcard/collections.ts";
import { option, rangeInclusive } from "../../postcard/composites.ts";
import * as scalar from "../../postcard/scalars.ts";
import * as basic from "./basic.ts";
import { OpteError } from "./error.ts";
import { flows } from "./flows.ts";
import * as mcast from "./mcast.ts";
import { network } from "./network.ts";
import * as ports from "./ports.ts";

/** What any vector file may name, without a version. */
const primitive: Readonly<Record<string, Codec<unknown>>> = {
  u8: scalar.u8,
  u16: scalar.u16,
  u32: scalar.u32,
  u64: scalar.u64,
  usize: scalar.usize,
  i8: scalar.i8,
  i16: scalar.i16,
  i32: scalar.i32,
  i64: scalar.i64,
  bool: scalar.bool,
  char: scalar.char,
  String: scalar.string,
  Ipv4Addr: basic.Ipv4Addr,
  Ipv6Addr: basic.Ipv6Addr,
  IpAddr: basic.IpAddr,
  Ipv4Cidr: basic.Ipv4CidrCodec,
  Ipv6Cidr: basic.Ipv6CidrCodec,
  IpCidr: basic.IpCidr,
  MacAddr: basic.MacAddr,
  Vni: basic.VniCodec,
  Uuid: basic.UuidCodec,
  DomainName: basic.DomainName,
  DhcpCfg: basic.DhcpCfg,
  NoResp: basic.NoResp,
};

const { AttachSubnetReq, DetachSubnetReq, ...withoutSubnets } = network;
const subnets = { AttachSubnetReq, DetachSubnetReq };

const everywhere = {
  ...primitive,
  OpteError,
  ...mcast.shared,
  ...ports.shared,
  ...withoutSubnets,
  ...flows,
};

const BY_VERSION: Readonly<Record<number, Readonly<Record<string, Codec<unknown>>>>> = {
  38: { ...everywhere, ...mcast.plain, ...ports.before39, CreateXdeReq: ports.CreateXdeReq38 },
  39: { ...everywhere, ...mcast.plain, ...subnets, ...ports.since39, CreateXdeReq: ports.CreateXdeReq39 },
  40: { ...everywhere, ...mcast.filtered, ...subnets, ...ports.since39, CreateXdeReq: ports.CreateXdeReq39 },
  41: { ...everywhere, ...mcast.filtered, ...subnets, ...ports.since39, CreateXdeReq: ports.CreateXdeReq41 },
};

const WRAPPED = /^(?<outer>Option|Vec|RangeInclusive)<(?<inner>.+)>$/;
const WRAPPERS: Readonly<Record<string, (inner: Codec<unknown>) => Codec<unknown>>> = {
  Option: option,
  Vec: seq,
  RangeInclusive: rangeInclusive,
};

/** A name from a file may be one that every object inherits. */
function ownEntry<T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The type of that name in an API version; undefined where that version has none. */
export function namedType(version: number, name: string): Codec<unknown> | undefined {
  const { outer = "", inner } = WRAPPED.exec(name)?.groups ?? {};
  if (inner === undefined) return ownEntry(BY_VERSION[version], name);
  const codec = namedType(version, inner);
  return codec && WRAPPERS[outer]?.(codec);
}
