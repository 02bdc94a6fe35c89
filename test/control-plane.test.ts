/** The sequence a real control plane sends for one group, for many groups at once, over a real socket, twice. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { propolis } from "./harness/registration.ts";
import { Sled } from "./harness/sled.ts";

const GROUPS = 50;
const VERSION = { "api-version": "49.0.0", "content-type": "application/json" };

let sled: Sled;
let base: string;
beforeAll(async () => {
  const ports = Array.from({ length: GROUPS }, (_, n) => ({ name: `guest${n}` }));
  sled = await Sled.start({ model: { ports } });
  for (let n = 0; n < GROUPS; n++) await sled.adopt(propolis(n), `guest${n}`);
  base = await sled.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => sled.close());

async function call(method: string, path: string, body?: object): Promise<unknown> {
  const payload = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${base}${path}`, { method, headers: VERSION, ...payload });
  const text = await response.text();
  expect(response.status, `${method} ${path}: ${text}`).toBe(text === "" ? 204 : 200);
  return text === "" ? undefined : JSON.parse(text);
}

interface Group {
  readonly group: string;
  readonly underlay: string;
  readonly stale: string;
  readonly vmm: string;
}

const groups: readonly Group[] = Array.from({ length: GROUPS }, (_, n) => ({
  group: `239.5.0.${n}`,
  underlay: `ff04::5:${n.toString(16)}`,
  stale: `ff04::6:${n.toString(16)}`,
  vmm: propolis(n),
}));

const hop = { next_hop: "fd00:1122:3344:1::1", replication: "underlay", filter: { mode: "exclude", sources: [] } };

async function bringUp({ group, underlay, stale, vmm }: Group): Promise<void> {
  await call("GET", "/networking/mcast-m2p");
  await call("DELETE", "/networking/mcast-m2p", { group, underlay: stale });
  await call("PUT", "/networking/mcast-m2p", { group, underlay });
  await call("GET", "/networking/mcast-fwd");
  await call("DELETE", "/networking/mcast-fwd", { underlay });
  await call("PUT", "/networking/mcast-fwd", { underlay, next_hops: [hop] });
  await call("PUT", `/vmms/${vmm}/multicast-group`, { group_ip: group, sources: [] });
}

async function takeDown({ group, underlay, vmm }: Group): Promise<void> {
  await call("DELETE", `/vmms/${vmm}/multicast-group`, { group_ip: group, sources: [] });
  await call("DELETE", "/networking/mcast-fwd", { underlay });
  await call("DELETE", "/networking/mcast-m2p", { group, underlay });
}

test("after it, each group is mapped, forwarded and subscribed; repeated, it is the same", async () => {
  for (const _pass of [1, 2]) {
    await Promise.all(groups.map(bringUp));
    expect(sled.mappings).toEqual(Object.fromEntries(groups.map(({ group, underlay }) => [group, underlay])));
    const subscribed = groups.map(({ underlay }, n) => [underlay, { [`guest${n}`]: "exclude()" }]);
    expect(sled.subscriptions).toEqual(Object.fromEntries(subscribed));
    const forwarding = (await call("GET", "/networking/mcast-fwd")) as object[];
    expect(forwarding).toEqual(groups.map(({ underlay }) => ({ underlay, next_hops: [hop] })));
    expect([...sled.nics.joined].sort()).toEqual(groups.map(({ underlay }) => underlay).sort());
  }
});

test("taken down, nothing of it is left; repeated, it is the same", async () => {
  await Promise.all(groups.map(bringUp));
  for (const _pass of [1, 2]) {
    await Promise.all(groups.map(takeDown));
    const { m2p, forwarding, subscriptions } = sled.model.tables;
    expect({ m2p, forwarding, subscriptions }).toEqual({ m2p: [], forwarding: [], subscriptions: [] });
    expect([...sled.nics.joined]).toEqual([]);
  }
});
