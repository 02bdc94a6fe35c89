/** The firewall layer of a port (oxide-vpc `firewall.rs`, opte `layer.rs`). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FirewallRule } from "../../src/opte/types.ts";
import { cidr, ip, vniOf } from "../net/make.ts";
import { driverWith, refusal } from "./kit.ts";
import { rule, rules } from "./layers-kit.ts";

describe("the firewall's rules", () => {
  it("count their ids in each direction and never use one again", async () => {
    const { driver } = await driverWith(1);
    const ids = async () => [
      (await rules(driver, "firewall", "in")).map(([id]) => id),
      (await rules(driver, "firewall", "out")).map(([id]) => id),
    ];
    await driver.setFwRules({ port: "opte0", rules: [rule(), rule({ direction: "out" }), rule()] });
    expect(await ids()).toEqual([[1, 0], [0]]);
    await driver.remFwRule({ port: "opte0", direction: "in", id: 1n });
    await driver.addFwRule({ port: "opte0", rule: rule() });
    expect(await ids()).toEqual([[2, 0], [0]]);
    await driver.setFwRules({ port: "opte0", rules: [rule()] });
    expect(await ids()).toEqual([[3], []]);
  });

  it("are removed by direction and id", async () => {
    const { driver } = await driverWith(1);
    await driver.addFwRule({ port: "opte0", rule: rule() });
    const wrong = driver.remFwRule({ port: "opte0", direction: "out", id: 0n });
    expect(await refusal(wrong)).toEqual({ variant: "RuleNotFound", id: 0n });
    await driver.remFwRule({ port: "opte0", direction: "in", id: 0n });
    const again = driver.remFwRule({ port: "opte0", direction: "in", id: 0n });
    expect(await refusal(again)).toEqual({ variant: "RuleNotFound", id: 0n });
  });

  it("stand, after any additions and removals, where the driver's own way of placing them puts them", async () => {
    const action = fc.constantFrom("allow" as const, "deny" as const);
    const addition = fc.record({ action, priority: fc.nat(3) });
    const steps = fc.array(fc.oneof({ weight: 3, arbitrary: addition }, fc.nat(9)), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, async (row) => {
        const { driver } = await driverWith(1);
        // layer.rs `find_pos`: in front of the first of a higher priority number, or of the same and no precedence.
        const table: { id: number; action: "allow" | "deny"; priority: number }[] = [];
        let next = 0;
        for (const one of row) {
          if (typeof one === "number") {
            const at = table.findIndex(({ id }) => id === one);
            const removal = driver.remFwRule({ port: "opte0", direction: "in", id: BigInt(one) });
            if (at < 0) await refusal(removal);
            else await removal.then(() => table.splice(at, 1));
            continue;
          }
          await driver.addFwRule({ port: "opte0", rule: rule(one) });
          const at = table.findIndex(
            (other) =>
              one.priority < other.priority ||
              (one.priority === other.priority && (one.action === "deny" || other.action !== "deny")),
          );
          table.splice(at < 0 ? table.length : at, 0, { id: next++, ...one });
        }
        expect((await rules(driver, "firewall", "in")).map(([id]) => id)).toEqual(table.map(({ id }) => id));
      }),
    );
  });

  it("are tried by priority, of one priority those that deny first, of those the newest", async () => {
    const { driver } = await driverWith(1);
    for (const [action, priority] of [
      ["allow", 7],
      ["deny", 7],
      ["allow", 7],
      ["deny", 7],
      ["allow", 3],
      ["deny", 9],
    ] as const) {
      await driver.addFwRule({ port: "opte0", rule: rule({ action, priority }) });
    }
    expect((await rules(driver, "firewall", "in")).map(([id]) => id)).toEqual([4, 3, 1, 2, 0, 5]);
  });

  it.each<[Partial<FirewallRule>, readonly string[]]>([
    [{}, []],
    [{ protocol: { type: "tcp" } }, ["inner.ip.proto=TCP"]],
    [{ protocol: { type: "arp" } }, ["inner.ether.ether_type=ARP"]],
    [{ protocol: { type: "icmpv6", filter: undefined } }, ["inner.ip.proto=ICMPv6"]],
    [{ protocol: { type: "other", protocol: "igmp" } }, ["inner.ip.proto=IGMP"]],
    [{ protocol: { type: "other", protocol: "unknown", number: 47 } }, ["inner.ip.proto=Unknown"]],
    [{ protocol: { type: "icmp", filter: { type: 8, codes: undefined } } }, ["inner.icmp.type=echo request"]],
    [
      { protocol: { type: "icmp", filter: { type: 3, codes: { start: 0, end: 4 } } } },
      ["inner.icmp.type=destination unreachable", "inner.icmp.code∈(0..=4)"],
    ],
    [
      { protocol: { type: "icmpv6", filter: { type: 200, codes: { start: 1, end: 1 } } } },
      ["inner.icmp.type=200", "inner.icmp.code=1"],
    ],
    [{ ports: [443, 80, 82, 81, 443] }, ["inner.ulp.dst∈(80..=82),=443"]],
    [{ hosts: { type: "ip", ip: ip("10.0.0.1") } }, ["inner.ip.src=10.0.0.1"]],
    [{ hosts: { type: "ip", ip: ip("2001:0:0:1::") }, direction: "out" }, ["inner.ip6.dst=2001::1:0:0:0:0"]],
    [{ hosts: { type: "subnet", cidr: cidr("fd00::/8") } }, ["inner.ip6.src=fd00::/8"]],
    [{ hosts: { type: "vni", vni: vniOf(100) } }, ["meta: vni=100"]],
    [
      { protocol: { type: "udp" }, ports: [53], hosts: { type: "subnet", cidr: cidr("10.0.0.0/8") }, direction: "out" },
      ["inner.ip.proto=UDP", "inner.ulp.dst=53", "inner.ip.dst=10.0.0.0/8"],
    ],
  ])("are told in the driver's words: %j", async (change, predicates) => {
    const { driver } = await driverWith(1);
    const one = rule(change);
    await driver.setFwRules({ port: "opte0", rules: [one] });
    expect(await rules(driver, "firewall", one.direction)).toEqual([[0, 100, predicates, "Stateful Allow"]]);
  });
});
