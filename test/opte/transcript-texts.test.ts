/**
 * The refusals recorded from the real driver, by the notes of the failing steps alone: each is
 * provoked here from its own words, and the model has to say the same.
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseIp } from "../../src/net/ip.ts";
import type { Driver } from "../../src/opte/driver.ts";
import { driverText } from "../../src/opte/model/refuse.ts";
import type { RouterTarget } from "../../src/opte/types.ts";
import { cidr, ip } from "../net/make.ts";
import { driverWith, forwarding, hop, include, mapping, port, refusal, subscription } from "./kit.ts";

const FILE = new URL("../../../shared/vectors/transcripts-v41.json", import.meta.url);

interface Step {
  readonly cmd: string;
  readonly rc: number;
  readonly errno: number;
  readonly note?: string;
}

/** Failing steps as `command: variant words`, each once. What the note says of the step itself is cut off. */
function recorded(): string[] {
  const { sequences } = JSON.parse(readFileSync(FILE, "utf8")) as { sequences: { steps: Step[] }[] };
  const failed = sequences.flatMap(({ steps }) => steps).filter(({ rc }) => rc !== 0);
  const said = failed.flatMap(({ cmd, note }) => {
    const words = /(?:^|: )((?:BadState|System|InvalidRouterEntry|InvalidIpCfg|BadName)\b.*)$/.exec(note ?? "")?.[1];
    return words === undefined ? [] : [`${cmd}: ${words}`];
  });
  return [...new Set(said)].sort();
}

type Provoke = (driver: Driver, found: readonly string[]) => Promise<unknown>;

const isGroup = (text: string) => subscription("opte0", text);

function targetOf(text: string): RouterTarget {
  if (text.startsWith("sub")) return { type: "vpc-subnet", cidr: cidr(text.slice("sub4=".length)) };
  return text.startsWith("ip") ? { type: "ip", ip: ip(text.slice("ip4=".length)) } : { type: "drop" };
}

function routeTo([, dest = "", target = ""]: readonly string[]) {
  return { port: "opte0", dest: cidr(dest), target: targetOf(target), class: "system" as const };
}

const family = (driver: Driver) => driver.createXde(port(9, { name: "v4", ipCfg: { v4: v4Of(port(9)) } }));
function v4Of({ cfg }: ReturnType<typeof port>) {
  if (cfg.ipCfg.v4 === undefined) throw new Error("the test's port has no IPv4");
  return cfg.ipCfg.v4;
}
const V6_ON_V4 = { port: "v4", cidr: cidr("fd01::/64"), direction: "in" as const, isExternal: false };

/** From the words of a refusal to the call that provokes it; opte0 is there. */
const PROVOKED: readonly (readonly [RegExp, Provoke])[] = [
  [/^McastSubscribe: BadState IP address (\S+) is not/, (d, [, a = ""]) => d.mcastSubscribe(isGroup(a))],
  [/^McastUnsubscribe: BadState IP address (\S+) is not/, (d, [, a = ""]) => d.mcastUnsubscribe(isGroup(a))],
  [
    /^McastUnsubscribeAll: BadState IP address (\S+) is not/,
    (d, [, a = ""]) => d.mcastUnsubscribeAll({ group: ip(a) }),
  ],
  [
    /^McastSubscribe: .*source filter address (\S+) is/,
    (d, [, a = ""]) => d.mcastSubscribe(subscription("opte0", "ff04::1", include(a))),
  ],
  [/^McastSubscribe: .*no underlay mapping for IPv4/, (d) => d.mcastSubscribe(isGroup("239.1.1.1"))],
  [/^McastSubscribe: .*no underlay mapping for IPv6/, (d) => d.mcastSubscribe(isGroup("ff0e::1"))],
  [
    /^SetMcastForwarding: .*got multicast: ([0-9a-f:]+)/,
    (d, [, a = ""]) => d.setMcastForwarding(forwarding("ff04::1", hop(a))),
  ],
  [
    /^SetMcastForwarding: .*got: (\d+)/,
    (d, [, vni]) => d.setMcastForwarding(forwarding("ff04::1", hop("fd00::1", { vni: Number(vni) }))),
  ],
  [/^ClearUft: BadState ready$/, (d) => d.clearUft("opte0")],
  [/^AddRouterEntry: .*"Ip[46]":"([^"]+)"\},"target":"([^"]+)"/, (d, found) => d.addRouterEntry(routeTo(found))],
  [/^DelRouterEntry: .*"Ip[46]":"([^"]+)"\},"target":"([^"]+)"/, (d, found) => d.delRouterEntry(routeTo(found))],
  [/^AllowCidr: InvalidIpCfg$/, (d) => family(d).then(() => d.allowCidr(V6_ON_V4))],
  [/^RemoveCidr: InvalidIpCfg$/, (d) => family(d).then(() => d.removeCidr(V6_ON_V4))],
  [/^AttachSubnet: InvalidIpCfg$/, (d) => family(d).then(() => d.attachSubnet(V6_ON_V4))],
  [/^DetachSubnet: InvalidIpCfg$/, (d) => family(d).then(() => d.detachSubnet(V6_ON_V4))],
  [/^SetXdeUnderlay: .*already initialized/, (d) => d.setXdeUnderlay("net0", "net1")],
  [
    /^SetXdeUnderlay: .*linkid for (\w+): /,
    (d, [, link = ""]) => withoutUnderlay(d).then(() => d.setXdeUnderlay("net0", link)),
  ],
  [/^ClearXdeUnderlay: .*not yet initialized/, (d) => withoutUnderlay(d).then(() => d.clearXdeUnderlay())],
  [/^ClearXdeUnderlay: .*in use/, (d) => d.clearXdeUnderlay()],
  [/^CreateXde: .*underlay not initialized/, (d) => withoutUnderlay(d).then(() => d.createXde(port(1)))],
];

async function withoutUnderlay(driver: Driver): Promise<void> {
  await driver.deleteXde("opte0");
  await driver.clearXdeUnderlay();
}

/** The model's refusal in the notes' way of writing. */
function asNote(command: string, error: Awaited<ReturnType<typeof refusal>>): string {
  const { variant, ...rest } = error;
  if (variant === "InvalidRouterEntry") {
    const { dest, target } = rest as { dest: string; target: string };
    return `${command}: ${variant} ${JSON.stringify({ dest: { [dest.includes(":") ? "Ip6" : "Ip4"]: dest }, target })}`;
  }
  const payload = "text" in rest ? ` ${rest.text}` : Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : "";
  return `${command}: ${variant}${payload}`;
}

if (!existsSync(FILE)) console.log("recorded refusals: skipped, ../shared/vectors/transcripts-v41.json is absent");

describe.skipIf(!existsSync(FILE))("a refusal recorded from the driver", () => {
  const words = existsSync(FILE) ? recorded() : [];
  const provocable = words.flatMap((said) => {
    const found = PROVOKED.flatMap(([pattern, provoke]) => {
      const match = pattern.exec(said);
      return match === null ? [] : [{ said, provoke, match }];
    });
    return found.slice(0, 1);
  });

  it("is of a kind that this suite can provoke, but for three that others cover", () => {
    const rest = words.filter((said) => !provocable.some((p) => p.said === said));
    const elsewhere = /^(CreateXde: BadName|DeleteXde: System .*16|SetExternalIps: InvalidIpCfg)/;
    expect(rest.filter((said) => !elsewhere.test(said))).toEqual([]);
  });

  it.each(provocable)("is the model's, too: $said", async ({ said, provoke, match }) => {
    const { driver } = await driverWith(1, { links: ["net0", "net1"] });
    expect(asNote(said.slice(0, said.indexOf(":")), await refusal(provoke(driver, match)))).toBe(said);
  });

  it("spells every address as the model does", () => {
    const spelled = words.flatMap((said) => said.match(/[0-9a-f:.]{2,}/g) ?? []);
    const addresses = spelled.filter((text) => parseIp(text) !== undefined);
    expect(addresses.map((text) => driverText(ip(text)))).toEqual(addresses);
    expect(addresses.length).toBeGreaterThan(0);
  });

  it("of a busy port has the model's words", async () => {
    const { driver, model } = await driverWith(1);
    model.setPort({ name: "opte0", busy: true });
    const said = words.filter((text) => text.startsWith("DeleteXde: System"));
    const ours = asNote("DeleteXde", await refusal(driver.deleteXde("opte0")));
    expect(said).toEqual(said.map(() => ours));
  });
});

describe("the model without the recordings", () => {
  it("refuses by itself", async () => {
    const { driver } = await driverWith();
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    expect((await refusal(driver.deleteXde("nope"))).variant).toBe("PortNotFound");
  });
});
