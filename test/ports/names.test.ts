/** Names of ports over whatever happens on a host: random courses, with others who come and go (illumos.md §3.3). */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { PortTicket } from "../../src/ports/state.ts";
import { Host } from "./host.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const runs = Number(process.env.SLEDCAST_RUNS ?? 60);
console.log(`names of ports: SLEDCAST_SEED=${seed} SLEDCAST_RUNS=${runs}`);

/** Who has what on the host, as the test made it. */
interface Owners {
  readonly live: Map<string, PortTicket>;
  readonly foreignPorts: Set<string>;
  readonly foreignLinks: Set<string>;
}

interface Step {
  readonly host: Host;
  readonly owners: Owners;
  /** Which step it is: a NIC of its own. */
  readonly at: number;
  /** One of the live ports, if there are any. */
  readonly chosen: string;
  /** A name near those that come next. */
  readonly near: string;
}

function borne({ host, owners: { foreignPorts, foreignLinks } }: Step): ReadonlySet<string> {
  return new Set([...host.ports, ...foreignPorts, ...foreignLinks, ...host.recorded]);
}

const STEPS: Readonly<Record<string, (step: Step) => unknown>> = {
  create: async (step) => {
    const before = borne(step);
    const ticket = await step.host.create(step.at);
    expect(before.has(ticket.name), `${ticket.name} is borne already`).toBe(false);
    expect(ticket.name.length).toBeLessThanOrEqual(18);
    step.owners.live.set(ticket.name, ticket);
  },
  release: async ({ host, owners: { live }, chosen }) => {
    const ticket = live.get(chosen);
    if (ticket === undefined) return;
    live.delete(chosen);
    await host.manager.release(ticket);
  },
  "a port becomes busy": ({ host, chosen }) => host.model.setPort({ name: chosen, busy: true }),
  "all ports are idle": ({ host }) => host.allIdle(),
  "somebody makes a port": async (step) => {
    if (borne(step).has(step.near)) return;
    await step.host.makeForeign(step.near, step.at);
    step.owners.foreignPorts.add(step.near);
  },
  "somebody makes a datalink": async (step) => {
    if (borne(step).has(step.near) || (await step.host.links.create(step.near)) === undefined) return;
    step.owners.foreignLinks.add(step.near);
  },
  "somebody's port goes": async ({ host, owners: { foreignPorts } }) => {
    for (const name of [...foreignPorts].slice(0, 1)) {
      await host.model.call("DeleteXde", { name });
      foreignPorts.delete(name);
    }
  },
  restart: ({ host, owners: { live } }) => {
    const tickets = host.restart([...live.values()]);
    expect(tickets.map(({ name }) => name)).toEqual([...live.keys()]);
    for (const ticket of tickets) live.set(ticket.name, ticket);
  },
  repair: ({ host }) => host.manager.repair(),
};

/** Creations and deletions are most of it. */
const what = fc.constantFrom(...Object.keys(STEPS), "create", "create", "release");

test("no name is given that something bears, nothing of others is touched, and in the end only what lives is there", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(what, fc.nat(5)), { maxLength: 60, size: "max" }), async (steps) => {
      const host = new Host();
      const owners: Owners = { live: new Map(), foreignPorts: new Set(), foreignLinks: new Set() };
      const { live, foreignPorts, foreignLinks } = owners;
      for (const [at, [name, n]] of steps.entries()) {
        const chosen = [...live.keys()][n % Math.max(1, live.size)] ?? "";
        await STEPS[name]?.({ host, owners, at, chosen, near: `opte${n + Math.floor(at / 3)}` });
        for (const port of foreignPorts) expect(host.ports, name).toContain(port);
        for (const link of foreignLinks) expect(await host.links.isTaken(link), `${link} after ${name}`).toBe(true);
        for (const port of live.keys()) expect(host.manager.isOurs(port), `${port} after ${name}`).toBe(true);
      }
      host.allIdle();
      await host.manager.repair();
      expect(host.manager.leftovers).toEqual([]);
      expect(host.ports).toEqual([...live.keys(), ...foreignPorts].sort());
      expect(host.recorded).toEqual([...live.keys()].sort());
      expect(host.links.live).toBe(live.size + foreignLinks.size);
    }),
    { seed, numRuns: runs },
  );
});
