/** Which cause is which status and error_code: sled-agent-api.md §4, by product.md's table. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SledcastError } from "../../src/error.ts";
import { ILLUMOS_ERRNO, type OpteError } from "../../src/opte/error.ts";
import type { CommandName } from "../../src/opte/types.ts";
import { ensureBody, PROPOLIS, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { changingNothing, expectDone, expectError, expectRefused } from "./expect.ts";
import { FWD, forwarding, hop, M2P, populatedSled } from "./populated.ts";

const system = (errno: number): OpteError => ({ variant: "System", errno, msg: "the words of the driver" });
const NO_LAYER: OpteError = { variant: "LayerNotFound", text: "the words of the driver" };
const EINVAL = system(ILLUMOS_ERRNO.EINVAL);

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
});
afterEach(() => sled.close());

/** Every change that reaches the driver, by the command that it sends. */
const CHANGES: readonly (readonly [CommandName, string, () => ReturnType<Sled["put"]>])[] = [
  ["SetMcast2Phys", "setting a mapping", () => sled.setMapping("239.2.2.2", "ff04::2")],
  ["SetMcast2Phys", "moving a mapping", () => sled.setMapping("239.1.1.1", "ff04::2")],
  ["ClearMcast2Phys", "clearing a mapping", () => sled.clearMapping("239.1.1.1", "ff04::1")],
  [
    "SetMcastForwarding",
    "setting next hops",
    () => sled.put(FWD, forwarding({ next_hops: [hop({ next_hop: "fd00::bb" })] })),
  ],
  ["ClearMcastForwarding", "clearing next hops", () => sled.delete(FWD, { underlay: "ff04::1" })],
  ["McastSubscribe", "joining", () => sled.join(PROPOLIS, "239.1.1.1", "10.9.9.9")],
  ["McastUnsubscribe", "leaving", () => sled.leave(PROPOLIS, "239.1.1.1")],
];

describe.each(CHANGES)("the driver refuses %s while %s", (command, _what, change) => {
  test.each([
    ["EBUSY", system(ILLUMOS_ERRNO.EBUSY), 503],
    ["ENOMEM", system(ILLUMOS_ERRNO.ENOMEM), 503],
    ["EAGAIN", system(ILLUMOS_ERRNO.EAGAIN), 503],
    ["EINVAL", EINVAL, 409],
    ["LayerNotFound", NO_LAYER, 409],
  ])("with %s: DRIVER_REFUSED in its own words, and nothing is changed", async (_name, opte, status) => {
    sled.fail(command, { opte });
    const answer = await changingNothing(sled, change);
    const { message } = expectError(answer, { status, code: "DRIVER_REFUSED" });
    expect(message).toContain("the words of the driver");
  });
});

describe.each([
  ["DumpMcast2Phys", M2P],
  ["DumpMcastForwarding", FWD],
  ["DumpMcastSubscriptions", "/networking/mcast-subs"],
  ["ListPorts", "/networking/ports"],
] as const)("the driver refuses %s", (command, path) => {
  test("while it is listed: DRIVER_REFUSED", async () => {
    sled.fail(command, { opte: system(ILLUMOS_ERRNO.EBUSY) });
    expectError(await sled.get(path), { status: 503, code: "DRIVER_REFUSED" });
    sled.fail(command, { opte: EINVAL });
    expectError(await sled.get(path), { status: 409, code: "DRIVER_REFUSED" });
  });
});

test.each([
  ["CreateXde", EINVAL, 409],
  ["CreateXde", system(ILLUMOS_ERRNO.ENOMEM), 503],
  ["SetExternalIps", NO_LAYER, 409],
  ["SetFwRules", EINVAL, 409],
] as const)("a registration whose %s is refused is %s %i and leaves no port", async (command, opte, status) => {
  sled.fail(command, { opte });
  const body = ensureBody({ nics: [{ ...ensureBody().local_config.nics[0], mac: "a8:40:25:00:00:99" }] });
  const answer = await sled.put(`/vmms/${propolis(2)}`, body);
  expectError(answer, { status, code: "DRIVER_REFUSED" });
  expect(sled.ports).toEqual(["opte0"]);
  expect((await sled.get(`/vmms/${propolis(2)}/state`)).status).toBe(404);
});

test("a driver of another API version is DRIVER_UNAVAILABLE", async () => {
  sled.fail("SetMcast2Phys", { opte: { variant: "BadApiVersion", user: 41n, kernel: 99n } });
  const answer = await changingNothing(sled, () => sled.setMapping("239.2.2.2", "ff04::2"));
  expectError(answer, { status: 503, code: "DRIVER_UNAVAILABLE" });
});

test.each([
  ["driver-unavailable", "DRIVER_UNAVAILABLE"],
  ["resource-limit", "RESOURCE_LIMIT"],
] as const)("a call that fails for %s is 503 %s", async (kind, code) => {
  sled.breakNext("SetMcastForwarding", new SledcastError(kind, "it is so"));
  const answer = await changingNothing(sled, () => sled.put(FWD, forwarding({ underlay: "ff04::9" })));
  expectError(answer, { status: 503, code });
});

describe("a NIC join that fails", () => {
  test("is 503 UNDERLAY_JOIN_FAILED, names group and NIC, and maps nothing", async () => {
    sled.nics.failNext = 1;
    const answer = await changingNothing(sled, () => sled.setMapping("239.2.2.2", "ff04::2"));
    expectError(answer, { status: 503, code: "UNDERLAY_JOIN_FAILED", names: "ff04::2" });
    expectError(await failingAgain(), { status: 503, code: "UNDERLAY_JOIN_FAILED", names: "net0" });
  });

  test("while a mapping moves leaves the old one in force", async () => {
    sled.nics.failNext = 1;
    const answer = await changingNothing(sled, () => sled.setMapping("239.1.1.1", "ff04::2"));
    expectError(answer, { status: 503, code: "UNDERLAY_JOIN_FAILED" });
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
  });

  test("can be tried again", async () => {
    sled.nics.failNext = 1;
    await sled.setMapping("239.2.2.2", "ff04::2");
    expectDone(await sled.setMapping("239.2.2.2", "ff04::2"));
  });

  function failingAgain() {
    sled.nics.failNext = 1;
    return sled.setMapping("239.2.2.2", "ff04::2");
  }
});

describe("a defect of ours", () => {
  const breakDown = (command: CommandName) => sled.breakNext(command, new Error("secret"));

  test.each(CHANGES)(
    "in %s while %s is 500 Internal with the standard phrase alone",
    async (command, _what, change) => {
      breakDown(command);
      const answer = await changingNothing(sled, change);
      const { message } = expectError(answer, { status: 500, code: "Internal" });
      expect(message).toBe("Internal Server Error");
      expect(answer.text).not.toContain("secret");
    },
  );

  test("in a list or a registration shows no more of itself", async () => {
    breakDown("DumpMcast2Phys");
    expectError(await sled.get(M2P), { status: 500, code: "Internal" });
    breakDown("CreateXde");
    const body = ensureBody({ nics: [{ ...ensureBody().local_config.nics[0], mac: "a8:40:25:00:00:99" }] });
    const answer = await sled.put(`/vmms/${propolis(2)}`, body);
    expectError(answer, { status: 500, code: "Internal" });
    expect(answer.text).not.toContain("secret");
  });

  test("is in the log with its cause, under the request's id", async () => {
    breakDown("SetMcast2Phys");
    const { request_id: id } = expectError(await sled.setMapping("239.2.2.2", "ff04::2"), {
      status: 500,
      code: "Internal",
    });
    const record = sled.log.records.find(({ level, fields }) => level === "error" && fields.req_id === id);
    expect(JSON.stringify(record)).toContain("secret");
  });
});

describe("a full lane", () => {
  let small: Sled;
  beforeEach(async () => {
    small = await Sled.start({ laneCapacity: 1 });
    small.model.faults.inject({ command: "SetMcast2Phys", when: "before", delay: 400 });
  });
  afterEach(() => small.close());

  /** One operation runs, one waits. */
  async function fill(): Promise<ReturnType<Sled["put"]>[]> {
    const running = small.setMapping("239.1.1.1", "ff04::1");
    await vi.waitFor(() => expect(small.agent.status().driver.busyWith?.command).toBe("SetMcast2Phys"));
    const waiting = small.setMapping("239.2.2.2", "ff04::2");
    await vi.waitFor(() => expect(small.agent.status().lane.waiting).toBe(1));
    return [running, waiting];
  }

  test("is 503 LANE_FULL with the seconds after which to try again", async () => {
    const accepted = await fill();
    const answer = await small.setMapping("239.3.3.3", "ff04::3");
    expectError(answer, { status: 503, code: "LANE_FULL" });
    expect(answer.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
    for (const done of await Promise.all(accepted)) expectDone(done);
    expect(small.mappings).toEqual({ "239.1.1.1": "ff04::1", "239.2.2.2": "ff04::2" });
  });

  test("still tells the client its own mistakes", async () => {
    const accepted = await fill();
    await expectRefused(small, () => small.setMapping("10.0.0.1", "ff04::3"), "group");
    await Promise.all(accepted);
  });

  test("takes requests again when it has moved on", async () => {
    const accepted = await fill();
    expectError(await small.setMapping("239.3.3.3", "ff04::3"), { status: 503, code: "LANE_FULL" });
    await Promise.all(accepted);
    expectDone(await small.setMapping("239.3.3.3", "ff04::3"));
  });
});
