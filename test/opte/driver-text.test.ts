/** Addresses in the driver's error texts: its first run of zero groups is left out, not its longest. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseIp } from "../../src/net/ip.ts";
import { driverText } from "../../src/opte/driver-text.ts";
import { address, property } from "../net/arbitraries.ts";
import { ip } from "../net/make.ts";

describe("an address in a text of the driver", () => {
  it.each([
    ["2001:0:0:1::", "2001::1:0:0:0:0"],
    ["2001:0:1::2", "2001::1:0:0:0:0:2"],
    ["1:0:2:3:4:5:6:7", "1::2:3:4:5:6:7"],
    ["0:1:2:3:4:5:6:7", "::1:2:3:4:5:6:7"],
    ["1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7::"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["fd00::1", "fd00::1"],
    ["::", "::"],
    ["::1", "::1"],
    ["::ffff:224.1.2.3", "::ffff:224.1.2.3"],
    ["239.1.1.1", "239.1.1.1"],
  ])("%s reads %s", (canonical, text) => expect(driverText(ip(canonical))).toBe(text));

  it("is another spelling of the same address", () => {
    fc.assert(property(address, (a) => expect(parseIp(driverText(a))).toBe(a)));
  });

  it("has no zero group before its gap", () => {
    fc.assert(
      property(address, (a) => {
        const groups = driverText(a).split("::")[0]?.split(":") ?? [];
        expect(groups).not.toContain("0");
      }),
    );
  });
});
