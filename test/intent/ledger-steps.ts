/** Records that depend on their number only, so that two processes agree on what is to be found. */
import type { LedgerChange } from "../../src/intent/ledger.ts";

/** Several keys each, so that half a record would show. */
export function changesOf(n: number): readonly LedgerChange[] {
  const slot = n % 7;
  return [
    { key: `vmm/${slot}`, value: { n, text: "x".repeat(20 * slot) } },
    { key: `port/${slot}`, value: n % 3 === 0 ? undefined : n },
    { key: "last", value: n },
  ];
}

export function stateAfter(last: number): Record<string, unknown> {
  const state = new Map<string, unknown>();
  for (let n = 0; n <= last; n++) {
    for (const { key, value } of changesOf(n)) {
      if (value === undefined) state.delete(key);
      else state.set(key, value);
    }
  }
  return Object.fromEntries(state);
}
