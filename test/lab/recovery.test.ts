/** Real packets over a lab's underlay: what is lost to a sled comes back without a request. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../../scripts/lab/lab.ts";
import { arrivals, bothNicsOf, OBSTACLE, SOON } from "./kit.ts";

describe.skipIf(OBSTACLE !== undefined)("on a sled that has a group mapped, its datagrams", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.start({ sleds: 3 });
  });
  afterEach(() => lab.assertSnooping());
  afterAll(() => lab?.close());

  async function mapOnBoth(group: string, underlay: string): Promise<void> {
    for (const number of [2, 3]) await lab.sled(number).setMapping(group, underlay);
    await expect.poll(() => arrivals(lab, 1, underlay), SOON).toEqual(bothNicsOf(2, 3));
  }

  test.each(["SIGKILL", "SIGTERM"] as const)(
    "stay away after a %s of its agent, and are back with the next",
    async (how) => {
      const underlay = lab.group(how === "SIGKILL" ? 0 : 1);
      const sled = lab.sled(2);
      await mapOnBoth(how === "SIGKILL" ? "239.1.1.1" : "239.1.1.2", underlay);
      expect(await sled.stopAgent(how)).toBe(how === "SIGKILL" ? "SIGKILL" : 0);
      expect(await arrivals(lab, 1, underlay)).toEqual(bothNicsOf(3));
      sled.startAgent();
      await sled.ready();
      await expect.poll(() => arrivals(lab, 1, underlay), SOON).toEqual(bothNicsOf(2, 3));
    },
  );

  test("are back on a NIC that was deleted and made again, without a request", async () => {
    const underlay = lab.group(2);
    const sled = lab.sled(2);
    await mapOnBoth("239.1.1.3", underlay);
    await sled.deleteNic("u1");
    await sled.makeNic("u1");
    await expect.poll(() => arrivals(lab, 1, underlay), SOON).toEqual(bothNicsOf(2, 3));
  });

  test("are back when all of its NICs were deleted and made again, without a request", async () => {
    const underlay = lab.group(3);
    const sled = lab.sled(2);
    await mapOnBoth("239.1.1.4", underlay);
    for (const { name } of sled.nics) await sled.deleteNic(name);
    for (const { name } of sled.nics) await sled.makeNic(name);
    await expect.poll(() => arrivals(lab, 1, underlay), SOON).toEqual(bothNicsOf(2, 3));
  });
});
