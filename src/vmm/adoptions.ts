/**
 * VMMs whose ports were there before: they are taken as they are, given up as they are, and never
 * deleted. Memberships move with the primary port.
 */
import { SledcastError } from "../error.ts";
import type { Tell } from "../events.ts";
import type { Ledger, LedgerChange } from "../intent/ledger.ts";
import type { Log } from "../log.ts";
import type { Flows } from "../multicast/flows.ts";
import type { Subscriptions } from "../multicast/subscriptions.ts";
import type { Driver } from "../opte/driver.ts";
import { membershipFilter } from "../opte/filter.ts";
import type { PortManager } from "../ports/manager.ts";
import type { Uuid } from "../uuid.ts";
import type { VmmBook } from "./book.ts";
import type { Moves } from "./moves.ts";
import type { VmmParts } from "./parts.ts";
import { removalOf, vmmChange } from "./records.ts";
import { type AdoptedVmm, primaryPort, type Vmm } from "./vmm.ts";

export class Adoptions {
  readonly #driver: Driver;
  readonly #ports: PortManager;
  readonly #subscriptions: Subscriptions;
  readonly #flows: Flows;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #tell: Tell;
  readonly #book: VmmBook;
  readonly #moves: Moves;

  constructor({ driver, ports, subscriptions, flows, ledger, log, tell }: VmmParts, book: VmmBook, moves: Moves) {
    this.#driver = driver;
    this.#ports = ports;
    this.#subscriptions = subscriptions;
    this.#flows = flows;
    this.#ledger = ledger;
    this.#log = log;
    this.#tell = tell;
    this.#book = book;
    this.#moves = moves;
  }

  /** Takes ports that exist in the driver as a VMM's own; again replaces them, memberships following the primary. */
  async adopt(id: Uuid, names: readonly string[], primary: string): Promise<void> {
    const existing = this.#book.get(id);
    if (existing?.origin === "registered") {
      throw new SledcastError("conflict", `VMM ${id} was registered and has its own ports; unregister it first`);
    }
    await this.#requireAdoptable(id, names);
    const ports = names.map((name) => ({ name, primary: name === primary }));
    const base: AdoptedVmm = existing ?? {
      id,
      origin: "adopted",
      runtime: { state: "running", gen: 1n, timeUpdated: new Date().toISOString() },
      ports: [],
      memberships: new Map(),
    };
    const vmm: AdoptedVmm = { ...base, ports };
    await this.#moveMemberships(base, primaryPort(base), primary, [vmmChange(vmm)]);
    for (const { name } of base.ports) {
      this.#book.disown(name);
      this.#flows.removePort(name);
      if (!names.includes(name)) this.#tell("port", { name, change: "released", propolis_id: id });
    }
    for (const name of names) {
      this.#flows.addPort(name);
      const had = base.ports.some((port) => port.name === name);
      if (!had) this.#tell("port", { name, change: "adopted", propolis_id: id });
    }
    this.#book.put(vmm);
    this.#log.info({ propolis_id: id, ports: names, primary }, "ports adopted");
  }

  async #requireAdoptable(id: Uuid, names: readonly string[]): Promise<void> {
    const inDriver = new Set((await this.#driver.listPorts()).map(({ name }) => name));
    for (const name of names) {
      if (!inDriver.has(name)) throw new SledcastError("not-found", `ports: the driver has no port ${name}`);
      const owner = this.#book.ownerIdOf(name);
      if (owner !== undefined && owner !== id) {
        throw new SledcastError("conflict", `ports: port ${name} belongs to VMM ${owner}`);
      }
      if (owner === undefined && this.#ports.isOurs(name)) {
        throw new SledcastError("conflict", `ports: port ${name} of an unregistered VMM is being deleted`);
      }
    }
  }

  /** `record`: what is recorded when they are moved. */
  async #moveMemberships(
    vmm: Vmm,
    from: string | undefined,
    to: string,
    record: readonly LedgerChange[],
  ): Promise<void> {
    if (from === to || vmm.memberships.size === 0) {
      await this.#ledger.record(record);
      return;
    }
    await this.#moves.run(vmm, from === undefined ? [to] : [from, to], async (undo) => {
      if (this.#book.ownerIdOf(to) === undefined) undo(async () => this.#book.disown(to));
      this.#book.own(to, vmm.id);
      for (const [group, sources] of vmm.memberships) {
        const filter = membershipFilter(sources);
        if (from !== undefined) {
          await this.#subscriptions.leave(from, group);
          undo(() => this.#subscriptions.reinstate(from, group, filter));
        }
        await this.#subscriptions.join(to, group, filter);
        undo(() => this.#subscriptions.withdraw(to, group));
      }
      await this.#ledger.record([...record, this.#moves.done(vmm.id)]);
    });
  }

  /** Only unsubscribes the ports. */
  async release(vmm: AdoptedVmm): Promise<void> {
    const primary = primaryPort(vmm);
    await this.#moves.run(vmm, primary === undefined ? [] : [primary], async (undo) => {
      for (const [group, sources] of vmm.memberships) {
        if (primary === undefined) continue;
        await this.#subscriptions.leave(primary, group);
        undo(() => this.#subscriptions.reinstate(primary, group, membershipFilter(sources)));
      }
      await this.#ledger.record([...removalOf(vmm), this.#moves.done(vmm.id)]);
    });
    for (const { name } of vmm.ports) {
      this.#flows.removePort(name);
      this.#book.disown(name);
      this.#tell("port", { name, change: "released", propolis_id: vmm.id });
    }
    this.#book.remove(vmm.id);
  }
}
