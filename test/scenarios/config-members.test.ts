/** Members under a configuration: they wait, wake and move with the mappings that it sets. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Commands, putConfig } from "../harness/config.ts";
import { propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";

const VM1 = propolis(1);
const [G1, G2] = ["239.1.1.1", "239.1.1.2"];
const [U1, U2, U3] = ["ff04::1", "ff04::2", "ff04::3"];

let sled: Sled;
let commands: Commands;
beforeEach(async () => {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }] } });
  commands = new Commands(sled.model);
});
afterEach(() => sled.close());

const joined = () => [...sled.nics.joined].sort();

describe("members", () => {
  beforeEach(async () => {
    await sled.adopt(VM1, "guest0");
    await sled.join(VM1, G1);
  });

  test("wait for a group that no configuration maps, and wake with one that does", async () => {
    await putConfig(sled, 1, { [G2]: U2 });
    expect(await sled.memberships(VM1)).toEqual({ [G1]: "pending" });
    await putConfig(sled, 2, { [G1]: U1, [G2]: U2 });
    expect(await sled.memberships(VM1)).toEqual({ [G1]: "applied" });
    expect(sled.subscriptions).toEqual({ [U1]: { guest0: "exclude()" } });
  });

  test("move with their group, and their port's flow cache is cleared", async () => {
    await putConfig(sled, 1, { [G1]: U1 });
    commands.forget();
    await putConfig(sled, 2, { [G1]: U2 });
    expect(sled.subscriptions).toEqual({ [U2]: { guest0: "exclude()" } });
    expect(commands.all.at(-1)).toBe("ClearUft");
  });

  test("have each flow cache cleared once, behind all of them, where many groups move or are left out", async () => {
    await putConfig(sled, 1, { [G1]: U1, [G2]: U2, "239.1.1.3": U3 });
    commands.forget();
    await putConfig(sled, 2, { [G1]: U2, [G2]: U3 });
    expect(commands.all.filter((command) => command === "ClearUft")).toHaveLength(1);
    expect(commands.all.at(-1)).toBe("ClearUft");
  });

  test("wait again when their group is left out of the next one", async () => {
    await putConfig(sled, 1, { [G1]: U1 });
    await putConfig(sled, 2, { [G2]: U1 });
    expect(await sled.memberships(VM1)).toEqual({ [G1]: "pending" });
    expect(sled.subscriptions).toEqual({});
    expect(joined()).toEqual([U1]);
  });

  test("of two groups have what both want where a configuration brings them onto one underlay group", async () => {
    await sled.join(VM1, G2, "10.0.0.1");
    await putConfig(sled, 1, { [G1]: U1, [G2]: U2 });
    await putConfig(sled, 2, { [G1]: U2, [G2]: U2 });
    expect(sled.subscriptions).toEqual({ [U2]: { guest0: "exclude()" } });
    await putConfig(sled, 3, { [G2]: U2 });
    expect(sled.subscriptions).toEqual({ [U2]: { guest0: "include(10.0.0.1)" } });
  });
});

test("with underlay.join subscribed, only groups of a configuration that a port here wants are joined", async () => {
  await sled.close();
  sled = await Sled.start({ joinPolicy: "subscribed", model: { ports: [{ name: "guest0" }] } });
  await sled.adopt(VM1, "guest0");
  await sled.join(VM1, G1);
  await putConfig(sled, 1, { [G1]: U1, [G2]: U2 });
  expect(joined()).toEqual([U1]);
  await putConfig(sled, 2, { [G1]: U3, [G2]: U2 });
  expect(joined()).toEqual([U3]);
  await sled.leave(VM1, G1);
  expect(joined()).toEqual([]);
});
