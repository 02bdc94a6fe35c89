/** All kinds of malformed requests, and a seeded choice of them. */
import type { Chance } from "../../harness/chance.ts";
import { BAD_BODIES } from "./bodies.ts";
import { DISPUTED_ENDS } from "./framing.ts";
import { BROKEN_LINES } from "./lines.ts";
import type { Malformed } from "./malformed.ts";

const FAMILIES = Object.entries({ ...BROKEN_LINES, ...DISPUTED_ENDS, ...BAD_BODIES });
/** Megabytes each: few are enough. */
const HEAVY = new Set(["body beyond all bounds", "deep JSON"]);
const HEAVY_SHARE = 0.1;

export interface Attack extends Malformed {
  readonly family: string;
}

/** Each family comes once before any comes twice. */
export function* attacks(count: number, chance: Chance): Generator<Attack> {
  for (let n = 0; n < count; ) {
    for (const [family, make] of FAMILIES) {
      if (n >= FAMILIES.length && HEAVY.has(family) && chance.next() > HEAVY_SHARE) continue;
      if (n++ >= count) return;
      yield { family, ...make(chance) };
    }
  }
}
