/** Mappings put into a driver model's state file while no agent uses it: thousands of them without a request each. */
import { parseMulticastAddr, parseUnderlayGroup } from "../../src/net/group.ts";
import { DriverModel } from "../../src/opte/model/model.ts";

export interface Mapping {
  readonly group: string;
  readonly underlay: string;
}

export async function seedMappings(state: string, mappings: readonly Mapping[]): Promise<void> {
  const model = new DriverModel({ state });
  try {
    for (const { group: groupText, underlay: underlayText } of mappings) {
      const group = parseMulticastAddr(groupText);
      const underlay = parseUnderlayGroup(underlayText);
      if (group === undefined || underlay === undefined)
        throw new Error(`${groupText} cannot be mapped to ${underlayText}`);
      await model.call("SetMcast2Phys", { group, underlay });
    }
  } finally {
    await model.close();
  }
}
