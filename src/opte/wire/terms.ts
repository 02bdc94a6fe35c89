/**
 * From the wire's shapes to this program's terms and back: addresses without a family tag, source
 * filters, hops, errors. Structure only; what the leaves hold was checked by their codecs.
 */
import { type Cidr, type Ipv4Cidr, type Ipv6Cidr, isIpv6Cidr } from "../../net/cidr.ts";
import { type Ip, type Ipv4, type Ipv6, isIpv6 } from "../../net/ip.ts";
import { type Codec, mapped, type ValueOf } from "../../postcard/codec.ts";
import type { OpteError as DomainError, OpteBareVariant, OpteTextVariant } from "../error.ts";
import { type SourceFilter as DomainFilter, sourceFilter } from "../filter.ts";
import { OpteError } from "./error.ts";
import type * as mcast from "./mcast.ts";

export const orNull = <T>(value: T | undefined): T | null => value ?? null;
export const orUndefined = <T>(value: T | null): T | undefined => value ?? undefined;

export const fromIp = (ip: Ip) => (isIpv6(ip) ? { Ip6: ip } : { Ip4: ip });
export const toIp = (tagged: { readonly Ip4: Ipv4 } | { readonly Ip6: Ipv6 }): Ip =>
  "Ip4" in tagged ? tagged.Ip4 : tagged.Ip6;
export const fromCidr = (cidr: Cidr) => (isIpv6Cidr(cidr) ? { Ip6: cidr } : { Ip4: cidr });
export const toCidr = (tagged: { readonly Ip4: Ipv4Cidr } | { readonly Ip6: Ipv6Cidr }): Cidr =>
  "Ip4" in tagged ? tagged.Ip4 : tagged.Ip6;

type WireFilter = ValueOf<typeof mcast.SourceFilter>;

export function toFilter(wire: WireFilter): DomainFilter {
  const tagged = "Include" in wire ? wire.Include : wire.Exclude;
  return sourceFilter("Include" in wire ? "include" : "exclude", tagged.map(toIp));
}

export function fromFilter({ mode, sources }: DomainFilter): WireFilter {
  const tagged = sources.map(fromIp);
  return mode === "include" ? { Include: tagged } : { Exclude: tagged };
}

type WireError = ValueOf<typeof OpteError>;

/** Variants with a payload that is neither nothing nor one text. */
function toError(wire: WireError): DomainError {
  if (typeof wire === "string") return { variant: wire satisfies OpteBareVariant };
  if ("BadApiVersion" in wire) return { variant: "BadApiVersion", ...wire.BadApiVersion };
  if ("BadLayerPos" in wire) return { variant: "BadLayerPos", ...wire.BadLayerPos };
  if ("MacExists" in wire) return { variant: "MacExists", ...wire.MacExists };
  if ("InvalidRouterEntry" in wire) {
    const { dest, target } = wire.InvalidRouterEntry;
    return { variant: "InvalidRouterEntry", dest: toCidr(dest), target };
  }
  if ("MaxCapacity" in wire) return { variant: "MaxCapacity", limit: wire.MaxCapacity };
  if ("RespTooLarge" in wire) return { variant: "RespTooLarge", ...wire.RespTooLarge };
  if ("RuleNotFound" in wire) return { variant: "RuleNotFound", id: wire.RuleNotFound };
  if ("System" in wire) return { variant: "System", ...wire.System };
  const [[variant, text]] = Object.entries(wire) as [[OpteTextVariant, string]];
  return { variant, text };
}

function fromError(error: DomainError): WireError {
  if ("text" in error) return { [error.variant]: error.text } as WireError;
  switch (error.variant) {
    case "BadApiVersion":
      return { BadApiVersion: error };
    case "BadLayerPos":
      return { BadLayerPos: error };
    case "MacExists":
      return { MacExists: error };
    case "InvalidRouterEntry":
      return { InvalidRouterEntry: { dest: fromCidr(error.dest), target: error.target } };
    case "MaxCapacity":
      return { MaxCapacity: error.limit };
    case "RespTooLarge":
      return { RespTooLarge: error };
    case "RuleNotFound":
      return { RuleNotFound: error.id };
    case "System":
      return { System: error };
    default:
      return error.variant;
  }
}

export const opteError: Codec<DomainError> = mapped(OpteError, toError, fromError);
