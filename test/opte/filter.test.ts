import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Ip } from "../../src/net/ip.ts";
import {
  ANY_SOURCE,
  membershipFilter,
  type SourceFilter,
  sameFilter,
  sourceFilter,
  unionFilter,
} from "../../src/opte/filter.ts";
import { property } from "../net/arbitraries.ts";
import { ip, ips } from "../net/make.ts";
import { exclude, include } from "./kit.ts";

const KNOWN = ips("10.0.0.1", "10.0.0.2", "10.0.0.3", "192.0.2.1", "fd00::1", "fd00::2");
/** Stands for every address that no filter names. */
const STRANGER = ip("198.51.100.7");
const EVERYONE = [...KNOWN, STRANGER];

/** What the words mean: include takes the listed, exclude all but the listed. */
function accepts({ mode, sources }: SourceFilter, source: Ip): boolean {
  return mode === "include" ? sources.includes(source) : !sources.includes(source);
}

const accepted = (filter: SourceFilter) => EVERYONE.filter((source) => accepts(filter, source));

const anyFilter = fc
  .tuple(fc.constantFrom("include" as const, "exclude" as const), fc.array(fc.constantFrom(...KNOWN)))
  .map(([mode, sources]) => sourceFilter(mode, sources));
const anyFilters = fc.array(anyFilter, { maxLength: 5 });

describe("the filter of a port for several filters", () => {
  it("accepts exactly what any of them accepts", () => {
    fc.assert(
      property(anyFilters, (filters) => {
        const union = unionFilter(filters);
        for (const source of EVERYONE) expect(accepts(union, source)).toBe(filters.some((f) => accepts(f, source)));
      }),
      { numRuns: 1000 },
    );
  });

  it("does not depend on their order", () => {
    fc.assert(
      property(anyFilters, (filters) => expect(unionFilter([...filters].reverse())).toEqual(unionFilter(filters))),
    );
  });

  it("does not depend on how they are grouped", () => {
    fc.assert(
      property(anyFilters, anyFilters, (some, others) =>
        expect(unionFilter([unionFilter(some), unionFilter(others)])).toEqual(unionFilter([...some, ...others])),
      ),
    );
  });

  it("is the filter itself where there is one", () => {
    fc.assert(property(anyFilter, (filter) => expect(unionFilter([filter])).toEqual(filter)));
  });

  it("is the filter itself where it is there twice", () => {
    fc.assert(property(anyFilter, (filter) => expect(unionFilter([filter, filter])).toEqual(filter)));
  });

  it("accepts nothing where there is none", () => expect(unionFilter([])).toEqual(include()));

  it("takes any source as soon as one of them does", () => {
    fc.assert(property(anyFilters, (filters) => expect(unionFilter([...filters, ANY_SOURCE])).toEqual(ANY_SOURCE)));
  });

  it.each([
    [[include("10.0.0.1"), include("10.0.0.2")], include("10.0.0.1", "10.0.0.2")],
    [[exclude("10.0.0.1", "10.0.0.2"), exclude("10.0.0.2", "10.0.0.3")], exclude("10.0.0.2")],
    [[exclude("10.0.0.1", "10.0.0.2"), include("10.0.0.2")], exclude("10.0.0.1")],
    [[include(), include()], include()],
  ])("of %j is %j", (filters, union) => expect(unionFilter(filters)).toEqual(union));
});

describe("two filters", () => {
  it("are the same exactly when they accept the same sources", () => {
    fc.assert(
      property(anyFilter, anyFilter, (a, b) =>
        expect(sameFilter(a, b)).toBe(accepted(a).join() === accepted(b).join()),
      ),
      { numRuns: 1000 },
    );
  });

  it("are the same however their sources were listed", () => {
    expect(sameFilter(include("10.0.0.2", "10.0.0.1", "10.0.0.2"), include("10.0.0.1", "10.0.0.2"))).toBe(true);
  });
});

describe("a filter", () => {
  it("lists its sources ascending, each once", () => {
    expect(include("fd00::1", "10.0.0.10", "10.0.0.9", "10.0.0.10").sources).toEqual([
      "10.0.0.9",
      "10.0.0.10",
      "fd00::1",
    ]);
  });

  it("of a membership without sources takes any source", () => expect(membershipFilter([])).toEqual(exclude()));

  it("of a membership with sources takes those alone", () => {
    expect(membershipFilter(ips("10.0.0.2", "10.0.0.1"))).toEqual(include("10.0.0.1", "10.0.0.2"));
  });
});
