/** External addresses and attached subnets of a VMM: what becomes of a body, and what is refused. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RecordingNetwork } from "../harness/network.ts";
import { ensureBody, nic, PROPOLIS, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { expectBadRequest, expectDone } from "./expect.ts";
import { DUAL_STACK } from "./full-registration.ts";
import { EXTERNAL_IP, SUBNETS } from "./network-requests.ts";

const network = new RecordingNetwork();
let sled: Sled;
beforeAll(async () => {
  sled = await Sled.start({ network });
});
beforeEach(() => network.reset());
afterAll(() => sled.close());

async function refused(method: string, path: string, body: unknown, names: string): Promise<void> {
  expectBadRequest(await sled.request(method, path, body), names);
  expect(network.asked).toEqual([]);
}

describe("an external address", () => {
  test.each([
    ["ephemeral", "192.0.2.9", "192.0.2.9"],
    ["floating", "192.0.2.9", "192.0.2.9"],
    ["ephemeral", "2001:DB8:0::9", "2001:db8::9"],
    ["floating", "::ffff:192.0.2.9", "::ffff:192.0.2.9"],
    ["ephemeral", "10.0.0.1", "10.0.0.1"],
  ])("that is %s is attached and detached: %s", async (kind, value, ip) => {
    expectDone(await sled.put(EXTERNAL_IP, { type: kind, value }));
    expectDone(await sled.delete(EXTERNAL_IP, { type: kind, value }));
    expect(network.asked).toEqual([
      ["attachExternalIp", PROPOLIS, { kind, ip }],
      ["detachExternalIp", PROPOLIS, { kind, ip }],
    ]);
  });

  test.each(["Ephemeral", "snat", ""])("that is %j is refused", async (type) => {
    await refused("PUT", EXTERNAL_IP, { type, value: "192.0.2.9" }, "type");
    await refused("DELETE", EXTERNAL_IP, { type, value: "192.0.2.9" }, "type");
  });

  test.each(["192.0.2.09", "192.0.2.9/32", "fe80::1%net0", "[2001:db8::9]", " 192.0.2.9", ""])(
    "of the text %j is refused",
    async (value) => {
      await refused("PUT", EXTERNAL_IP, { type: "floating", value }, "value");
      await refused("DELETE", EXTERNAL_IP, { type: "floating", value }, "value");
    },
  );

  test.each(["0.0.0.0", "127.0.0.1", "169.254.0.1", "239.1.1.1", "255.255.255.255", "::", "::1", "fe80::1", "ff0e::1"])(
    "to which no packet finds back is not attached, but may be taken away: %s",
    async (value) => {
      await refused("PUT", EXTERNAL_IP, { type: "ephemeral", value }, "value");
      expectDone(await sled.delete(EXTERNAL_IP, { type: "ephemeral", value }));
    },
  );
});

describe("attached subnets", () => {
  const vpc = { subnet: "10.7.0.0/24", kind: "vpc" };
  const external = { subnet: "2001:DB8::/56", kind: "external" };

  test("are put as they are listed", async () => {
    expectDone(await sled.put(SUBNETS, { subnets: [external, vpc] }));
    const canonical = [{ subnet: "2001:db8::/56", kind: "external" }, vpc];
    expect(network.asked).toEqual([["replaceAttachedSubnets", PROPOLIS, canonical]]);
  });

  test("may be none, by an empty list or by DELETE", async () => {
    expectDone(await sled.put(SUBNETS, { subnets: [] }));
    expectDone(await sled.delete(SUBNETS));
    const none = ["replaceAttachedSubnets", PROPOLIS, []];
    expect(network.asked).toEqual([none, none]);
  });

  test("are a set: one that is listed twice, in whatever spelling, counts once", async () => {
    expectDone(await sled.put(SUBNETS, { subnets: [external, vpc, { ...external, subnet: "2001:db8:0::/56" }, vpc] }));
    const canonical = [{ subnet: "2001:db8::/56", kind: "external" }, vpc];
    expect(network.asked).toEqual([["replaceAttachedSubnets", PROPOLIS, canonical]]);
  });

  test("of which one is listed as two kinds are refused", async () => {
    const subnets = [vpc, external, { ...vpc, kind: "external" }];
    await refused("PUT", SUBNETS, { subnets }, "subnets[2].kind");
  });

  test("lose the host bits they are written with, as what the original sends to the driver does", async () => {
    const subnets = [external, { subnet: "10.7.0.9/24", kind: "external" }];
    expectDone(await sled.put(SUBNETS, { subnets }));
    const sent = [
      { subnet: "2001:db8::/56", kind: "external" },
      { subnet: "10.7.0.0/24", kind: "external" },
    ];
    expect(network.asked).toEqual([["replaceAttachedSubnets", PROPOLIS, sent]]);
  });

  test("are attached one at a time by POST", async () => {
    expectDone(await sled.request("POST", SUBNETS, external));
    expect(network.asked).toEqual([["attachSubnet", PROPOLIS, { subnet: "2001:db8::/56", kind: "external" }]]);
  });

  test.each(["10.7.0.0", "10.7.0.0/33", "10.7.0.0/-1", "10.7.0/24", "2001:db8::/129", "/24", ""])(
    "of the text %j are refused",
    async (subnet) => {
      await refused("PUT", SUBNETS, { subnets: [vpc, { subnet, kind: "vpc" }] }, "subnets[1].subnet");
      await refused("POST", SUBNETS, { subnet, kind: "vpc" }, "subnet");
    },
  );

  test.each(["Vpc", "internal", ""])("of the kind %j are refused", async (kind) => {
    await refused("PUT", SUBNETS, { subnets: [{ ...vpc, kind }] }, "subnets[0].kind");
    await refused("POST", SUBNETS, { ...vpc, kind }, "kind");
  });

  test("of a registration are a set by the same rule", async () => {
    const register = (n: number, subnets: object[]) =>
      sled.put(
        `/vmms/${propolis(n)}`,
        ensureBody({ nics: [nic(n, { ip_config: DUAL_STACK, primary: true })], attached_subnets: subnets }),
      );
    const twice = await register(2, [vpc, external, { ...vpc, kind: "external" }]);
    expectBadRequest(twice, "local_config.attached_subnets[2].kind");
    expect(sled.ports).toEqual([]);
    expect((await register(2, [vpc, external, vpc])).status).toBe(200);
    expect(sled.model.tables.ports[0]?.create.cfg.ipCfg.v4?.attachedSubnets).toHaveLength(1);
  });
});
