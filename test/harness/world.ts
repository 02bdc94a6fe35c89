/** All that can be seen of a sled and its driver and ledger, so that two moments can be compared. Names and numbers that are given anew each time are left out. */
import type { Sled } from "./sled.ts";

type Plain = Readonly<Record<string, unknown>>;

export function worldOf(sled: Sled): Plain {
  const { agent, model, nics, ledger, datalinks } = sled;
  const { ports: all, m2p, forwarding, subscriptions, v2p } = model.tables;
  // The layers have the ids of rules, which go on with every rule that was ever added.
  const ports = all.map(({ layers: _, ...port }) => port);
  const names = new Map(ports.map(({ create }) => [create.name, `port of ${create.cfg.guestMac}`]));
  const plain = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one))
        .replace(/opte\d+/g, (name) => names.get(name) ?? name)
        .replace(/"linkId":\d+/g, '"linkId":0')
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "a time"),
    );
  const sorted = (list: unknown) => (list as unknown[]).map((one) => JSON.stringify(one)).sort();
  const vmms = agent.listVmms().map((vmm) => ({ ...vmm, memberships: agent.memberships(vmm.id) }));
  const { counts, pending, generation } = agent.status();
  return {
    driver: plain({ ports, m2p, forwarding, subscriptions }),
    addresses: v2p.filter(([, mappings]) => mappings.length > 0),
    vmms: plain(vmms),
    pending: sorted(plain(pending)),
    filters: agent.listFilters(),
    joined: nics.names.map((name) => nics.joinedOn(name)),
    generation,
    counts,
    datalinks: datalinks.live,
    ledger: sorted(plain([...ledger.entries("")])),
  };
}

/** What is in one of them and not in the other, a line each; none: they are the same. */
export function differences(found: Plain, whole: Plain): string[] {
  const [there, wanted] = [new Set(lines(found)), new Set(lines(whole))];
  const extra = [...there].filter((line) => !wanted.has(line)).map((line) => `too much: ${line}`);
  return [...extra, ...[...wanted].filter((line) => !there.has(line)).map((line) => `missing: ${line}`)];
}

function lines(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [`${path} = ${value}`];
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return entries.length === 0 ? [`${path} is empty`] : entries.flatMap(([key, one]) => lines(one, `${path}.${key}`));
}
