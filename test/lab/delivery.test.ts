/** Real packets over a lab's underlay: to whom a datagram to an underlay group goes, as mappings come and go. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { otherGroups } from "../../scripts/lab/groups.ts";
import { Lab } from "../../scripts/lab/lab.ts";
import { arrivals, bothNicsOf, forwardings, NOWHERE, OBSTACLE, SOON } from "./kit.ts";

/** More than a bridge takes if it is left alone. */
const MANY = 4200;

describe.skipIf(OBSTACLE !== undefined)("a datagram to an underlay group", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.start({ sleds: 3 });
  });
  afterEach(() => lab.assertSnooping());
  afterAll(() => lab?.close());

  test("goes nowhere while no sled has it mapped", async () => {
    expect(await forwardings(lab, 1, lab.group(0))).toEqual(NOWHERE);
  });

  test("reaches both NICs of exactly the sleds whose agents mapped it, whoever sends", async () => {
    const underlay = lab.group(1);
    await lab.sled(2).setMapping("239.1.1.1", underlay);
    await expect.poll(() => arrivals(lab, 1, underlay), SOON).toEqual(bothNicsOf(2));
    expect(await forwardings(lab, 1, underlay)).toEqual(bothNicsOf(2));
    expect(await arrivals(lab, 3, underlay)).toEqual(bothNicsOf(2));

    await lab.sled(3).setMapping("239.1.1.1", underlay);
    await expect.poll(() => arrivals(lab, 1, underlay), SOON).toEqual(bothNicsOf(2, 3));
    expect(await arrivals(lab, 2, underlay)).toEqual(bothNicsOf(3));
  });

  test("does not reach a NIC from the moment a clear is answered, and soon not its wire", async () => {
    const underlay = lab.group(2);
    for (const number of [2, 3]) await lab.sled(number).setMapping("239.1.2.1", underlay);
    await expect.poll(() => arrivals(lab, 1, underlay), SOON).toEqual(bothNicsOf(2, 3));
    await lab.sled(3).clearMapping("239.1.2.1", underlay);
    expect(await arrivals(lab, 1, underlay)).toEqual(bothNicsOf(2));
    await expect.poll(() => forwardings(lab, 1, underlay), SOON).toEqual(bothNicsOf(2));
  });

  test("follows a mapping that is moved to another underlay group and back", async () => {
    const [before, after] = [lab.group(3), lab.group(4)];
    const sled = lab.sled(2);
    await sled.setMapping("239.1.3.1", before);
    await expect.poll(() => arrivals(lab, 1, before), SOON).toEqual(bothNicsOf(2));
    await sled.setMapping("239.1.3.1", after);
    expect(await arrivals(lab, 1, before)).toEqual(NOWHERE);
    await expect.poll(() => arrivals(lab, 1, after), SOON).toEqual(bothNicsOf(2));
    await sled.setMapping("239.1.3.1", before);
    expect(await arrivals(lab, 1, after)).toEqual(NOWHERE);
    await expect.poll(() => arrivals(lab, 1, before), SOON).toEqual(bothNicsOf(2));
  });

  test("arrives until the last of two overlay groups on it is cleared", async () => {
    const underlay = lab.group(5);
    const sled = lab.sled(2);
    for (const group of ["239.1.4.1", "239.1.4.2"]) await sled.setMapping(group, underlay);
    await expect.poll(() => arrivals(lab, 1, underlay), SOON).toEqual(bothNicsOf(2));
    await sled.clearMapping("239.1.4.1", underlay);
    expect(await arrivals(lab, 1, underlay)).toEqual(bothNicsOf(2));
    await sled.clearMapping("239.1.4.2", underlay);
    expect(await arrivals(lab, 1, underlay)).toEqual(NOWHERE);
  });

  test("is not flooded when one sled has mapped thousands", async () => {
    const kept = lab.group(6);
    const rest = otherGroups(MANY - 1);
    const mapping = (n: number) => `239.2.${n >> 8}.${n & 255}`;
    const sled = lab.sled(3);
    await sled.stopAgent("SIGTERM");
    await sled.seed([kept, ...rest].map((underlay, n) => ({ group: mapping(n), underlay })));
    sled.startAgent();
    await sled.ready();
    await expect.poll(() => forwardings(lab, 1, kept), SOON).toEqual(bothNicsOf(3));
    await expect.poll(() => forwardings(lab, 1, String(rest.at(-1))), SOON).toEqual(bothNicsOf(3));
    await sled.clearMapping(mapping(0), kept);
    expect(await arrivals(lab, 1, kept)).toEqual(NOWHERE);
  });
});
