/** sled-agent-api.md §3.6, row by row. */
import { describe, expect, it } from "vitest";
import { isMulticast } from "../../src/net/classify.ts";
import { isIpv6, parseIp, parseIpv6 } from "../../src/net/ip.ts";
import { ip } from "./make.ts";

describe("§3.6: IP strings", () => {
  it("takes 239.1.1.1 as it is", () => expect(parseIp("239.1.1.1")).toBe("239.1.1.1"));

  it.each(["239.01.1.1", "0xEF.1.1.1", "239.1.1", "256.1.1.1"])(
    "rejects %s: four decimal octets up to 255, no leading zero",
    (text) => expect(parseIp(text)).toBeUndefined(),
  );

  it.each(["FF04::1", "ff04:0:0:0:0:0:0:1"])("prints %s back as ff04::1", (text) =>
    expect(parseIp(text)).toBe("ff04::1"),
  );

  it("takes ::ffff:239.1.1.1 as an IPv6 address", () => expect(isIpv6(ip("::ffff:239.1.1.1"))).toBe(true));
  it("does not call ::ffff:239.1.1.1 multicast", () => expect(isMulticast(ip("::ffff:239.1.1.1"))).toBe(false));
  it("prints ::ffff:ef01:101 in dotted form", () => expect(parseIp("::ffff:ef01:101")).toBe("::ffff:239.1.1.1"));
  it("prints ff04::224.1.1.1 as ff04::e001:101", () => expect(parseIp("ff04::224.1.1.1")).toBe("ff04::e001:101"));

  it.each([
    "ff02::1%eth0",
    "[ff04::1]",
    "ff04::1/128",
    " ff04::1",
    "ff04::1 ",
    "\tff04::1",
    "ff04::1\n",
    "ff04::00001",
  ])("rejects %j", (text) => expect(parseIp(text)).toBeUndefined());

  it("is not IPv6 when it is IPv4", () => expect(parseIpv6("239.1.1.1")).toBeUndefined());
});
