/** A host for PortManagers: a driver, datalink ids and a ledger that outlive each of them, and others who have ports there. */
import { CountedDatalinks, type Datalinks } from "../../src/host/datalinks.ts";
import { MemoryLedger } from "../../src/intent/ledger.ts";
import { Driver } from "../../src/opte/driver.ts";
import { initialPort } from "../../src/opte/model/initial-port.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { PortManager } from "../../src/ports/manager.ts";
import type { PortTicket } from "../../src/ports/state.ts";
import { RecordingLog } from "../harness/sled.ts";
import { ipv6, mac } from "../net/make.ts";
import { nic, portSpec } from "./kit.ts";

/** A host with a driver and datalink ids, on which managers come and go. */
export class Host {
  readonly model = new DriverModel();
  readonly links = new CountedDatalinks();
  readonly log = new RecordingLog();
  readonly ledger: MemoryLedger;
  readonly datalinks: Datalinks;
  manager: PortManager;

  constructor({ ledger = new MemoryLedger(), fails = {} }: { ledger?: MemoryLedger; fails?: Partial<Datalinks> } = {}) {
    this.ledger = ledger;
    const { links } = this;
    this.datalinks = {
      source: "double",
      isTaken: (name) => links.isTaken(name),
      create: (name) => links.create(name),
      destroy: (name) => links.destroy(name),
      ...fails,
    };
    this.manager = this.#start();
  }

  #start(): PortManager {
    return new PortManager(new Driver(this.model), this.datalinks, ipv6("fd00::1"), this.ledger, this.log);
  }

  /** The next run's manager, in which these ports have a VMM. */
  restart(claimed: readonly PortTicket[]): PortTicket[] {
    this.manager = this.#start();
    const tickets = claimed.map(({ name }) => this.manager.claim(name)).filter((ticket) => ticket !== undefined);
    this.manager.disownUnclaimed();
    return tickets;
  }

  async create(n: number): Promise<PortTicket> {
    const ticket = await this.manager.create(portSpec({ nic: nicNumber(n) }));
    // The VMM is recorded with its ports.
    await this.ledger.record(this.manager.recordsOf([ticket]));
    return ticket;
  }

  /** Another agent's port. */
  async makeForeign(name: string, n: number): Promise<void> {
    await this.model.call("CreateXde", initialPort({ name, mac: mac(`02:00:00:00:00:${hex(n)}`) }));
  }

  allIdle(): void {
    for (const name of this.ports) this.model.setPort({ name, busy: false });
  }

  get ports(): string[] {
    return this.model.tables.ports.map(({ create }) => create.name).sort();
  }

  /** Names that the ledger has of ports. */
  get recorded(): string[] {
    return [...this.ledger.entries("port ")].map(([key]) => key.slice("port ".length)).sort();
  }
}

const hex = (n: number) => n.toString(16).padStart(2, "0");
export const nicNumber = (n: number) => nic({ mac: mac(`a8:40:25:00:00:${hex(n)}`) });
