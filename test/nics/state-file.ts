/** State files of the driver model, as a driver in use leaves them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import type { UnderlayGroup } from "../../src/net/group.ts";
import type { Ip } from "../../src/net/ip.ts";
import { DriverModel } from "../../src/opte/model/model.ts";

/** A name for a state file, gone with the test. */
export function stateFile(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "sled-state-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, "state");
}

/** The nth of many mappings. */
export const mappingOf = (n: number) => ({
  group: `239.7.${n >> 8}.${n & 255}`,
  underlay: `ff04::7:${(n + 1).toString(16)}`,
});

/** A state file with this many mappings in it. */
export async function stateWithMappings(count: number): Promise<string> {
  const state = stateFile();
  const model = new DriverModel({ state });
  for (let n = 0; n < count; n++) {
    const { group, underlay } = mappingOf(n);
    await model.call("SetMcast2Phys", { group: group as Ip, underlay: underlay as UnderlayGroup });
  }
  await model.close();
  return state;
}

export const underlaysOf = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => mappingOf(n).underlay);
