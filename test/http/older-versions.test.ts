/** Join and leave before version 49: sled-agent-api.md §5. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROPOLIS } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { changingNothing, expectDone, expectError, expectRefused } from "./expect.ts";
import { MEMBERSHIP, membership, populatedSled } from "./populated.ts";

const TAGGED_VERSIONS = ["7.0.0", "7.0.1", "20.1.2", "48.0.0", "48.7.3", "49.0.0-alpha.1"];
const NEW_GROUP = "239.9.9.9";
const JOIN = { join: membership({ group_ip: NEW_GROUP }) };
const LEAVE = { leave: membership() };

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
});
afterEach(() => sled.close());

const as = (version: string) => ({ "api-version": version });

describe.each(TAGGED_VERSIONS)("at %s", (version) => {
  test("PUT takes a tagged join and joins", async () => {
    expectDone(await sled.put(MEMBERSHIP, JOIN, as(version)));
    expect(await sled.memberships(PROPOLIS)).toHaveProperty([NEW_GROUP]);
  });

  test("DELETE takes a tagged leave and leaves", async () => {
    expectDone(await sled.delete(MEMBERSHIP, LEAVE, as(version)));
    expect(await sled.memberships(PROPOLIS)).toEqual({});
    expect(sled.subscriptions).toEqual({});
  });

  test("PUT refuses a leave, in its own words", async () => {
    await expectRefused(sled, () => sled.put(MEMBERSHIP, LEAVE, as(version)), "Leave");
  });

  test("DELETE refuses a join, in its own words", async () => {
    await expectRefused(sled, () => sled.delete(MEMBERSHIP, JOIN, as(version)), "Join");
  });

  test("the body of version 49 is 400", async () => {
    await expectRefused(sled, () => sled.put(MEMBERSHIP, membership(), as(version)));
    await expectRefused(sled, () => sled.delete(MEMBERSHIP, membership(), as(version)));
  });
});

describe("the tagged body", () => {
  test.each([
    ["no key", {}],
    ["both keys", { ...JOIN, ...LEAVE }],
    ["another key", { subscribe: membership() }],
    ["a second, unknown key", { ...JOIN, comment: "x" }],
    ["a tag in capitals", { Join: membership() }],
    ["null", { join: null }],
    ["a list", { join: [NEW_GROUP, []] }],
    ["a bare word", "join"],
  ])("with %s is 400", async (_what, body) => {
    await expectRefused(sled, () => sled.put(MEMBERSHIP, JSON.stringify(body), as("48.0.0")));
  });

  test.each([
    ["group_ip", { sources: [] }],
    ["sources", { group_ip: NEW_GROUP }],
    ["group_ip", membership({ group_ip: "10.0.0.1" })],
    ["group_ip", membership({ group_ip: "ff04::5" })],
    ["sources", membership({ sources: null })],
    ["sources[0]", membership({ sources: ["224.0.0.1"] })],
    ["sources[0]", membership({ sources: ["fd00::1"] })],
  ])("with a mistake inside is 400 and names %s", async (field, join) => {
    await expectRefused(sled, () => sled.put(MEMBERSHIP, { join }, as("48.0.0")), field);
  });

  test("may hold unknown fields inside the membership", async () => {
    const join = membership({ group_ip: NEW_GROUP, comment: "x" });
    expectDone(await sled.put(MEMBERSHIP, { join }, as("48.0.0")));
  });

  test("of a tag that comes twice the last wins", async () => {
    const text = `{"join":{"group_ip":"10.0.0.1"},"join":{"group_ip":"${NEW_GROUP}","sources":[]}}`;
    expectDone(await sled.put(MEMBERSHIP, text, as("48.0.0")));
    expect(await sled.memberships(PROPOLIS)).toHaveProperty([NEW_GROUP]);
  });

  test("is 400 at version 49, naming the field that it lacks there", async () => {
    await expectRefused(sled, () => sled.put(MEMBERSHIP, JOIN, as("49.0.0")), "group_ip");
    await expectRefused(sled, () => sled.delete(MEMBERSHIP, LEAVE), "group_ip");
  });

  test("for an unknown VMM is 204 and does nothing", async () => {
    const path = MEMBERSHIP.replace(PROPOLIS, "bbbbbbbb-0000-4000-8000-00000000ffff");
    expectDone(await changingNothing(sled, () => sled.put(path, JOIN, as("48.0.0"))));
    expectDone(await changingNothing(sled, () => sled.delete(path, LEAVE, as("48.0.0"))));
  });
});

test.each(["6.999.999", "7.0.0-rc.1", "1.0.0"])("at %s the endpoint does not exist: 404", async (version) => {
  const answers = await changingNothing(sled, async () => [
    await sled.put(MEMBERSHIP, JOIN, as(version)),
    await sled.delete(MEMBERSHIP, LEAVE, as(version)),
    await sled.put(MEMBERSHIP, membership(), as(version)),
  ]);
  for (const answer of answers) expectError(answer, { status: 404 });
});
