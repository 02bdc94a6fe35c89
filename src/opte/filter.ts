/**
 * Source filters (RFC 4607, RFC 3376): whose packets a subscriber or a next hop takes.
 * `exclude` of nothing takes all, `include` of nothing takes none.
 */
import { type Ip, sortedUnique } from "../net/ip.ts";

export interface SourceFilter {
  readonly mode: "include" | "exclude";
  /** Ascending, no duplicates: two equal filters have equal members in equal order. */
  readonly sources: readonly Ip[];
}

export const ANY_SOURCE: SourceFilter = { mode: "exclude", sources: [] };

export function sourceFilter(mode: SourceFilter["mode"], sources: Iterable<Ip>): SourceFilter {
  return { mode, sources: sortedUnique(sources) };
}

/** A member's filter: no sources means any source. */
export function membershipFilter(sources: readonly Ip[]): SourceFilter {
  return sources.length === 0 ? ANY_SOURCE : sourceFilter("include", sources);
}

/**
 * What one port must accept so that each of the filters gets its packets. INCLUDE lists unite,
 * EXCLUDE lists intersect, and of both kinds what is excluded and not included stays excluded
 * (the merge of RFC 3376 §3.2). Empty input accepts nothing.
 */
export function unionFilter(filters: Iterable<SourceFilter>): SourceFilter {
  const included = new Set<Ip>();
  let excluded: Set<Ip> | undefined;
  for (const filter of filters) {
    if (filter.mode === "include") {
      for (const source of filter.sources) included.add(source);
    } else if (excluded === undefined) {
      excluded = new Set(filter.sources);
    } else {
      const theirs = new Set(filter.sources);
      excluded = new Set([...excluded].filter((source) => theirs.has(source)));
    }
  }
  if (excluded === undefined) return sourceFilter("include", included);
  return sourceFilter(
    "exclude",
    [...excluded].filter((source) => !included.has(source)),
  );
}

export function sameFilter(a: SourceFilter, b: SourceFilter): boolean {
  return a.mode === b.mode && a.sources.length === b.sources.length && a.sources.every((s, i) => s === b.sources[i]);
}
