/** Subnets attached to ports. Each change is in the driver and in the ledger, or in neither. */
import { SledcastError } from "../error.ts";
import { type Cidr, isIpv6Cidr } from "../net/cidr.ts";
import type { Setting } from "./half-done.ts";
import { stateChange } from "./records.ts";
import type { AttachedSubnet } from "./spec.ts";
import {
  type PortSettings,
  type PortsContext,
  type PortTicket,
  requireFamily,
  settingsOf,
  subnetsOf,
} from "./state.ts";

type Subnets = PortSettings["attachedSubnets"];

const settingOn = ({ name: port }: PortTicket, cidr: Cidr): Setting => ({ port, of: "attached subnet", cidr });

function requireFor(ticket: PortTicket, subnet: Cidr, field: string): void {
  requireFamily(ticket, isIpv6Cidr(subnet), `${field}: ${subnet}`);
}

export class AttachedSubnets {
  readonly #context: PortsContext;

  constructor(context: PortsContext) {
    this.#context = context;
  }

  /** Exactly these. Those that are attached already are sent again, which the driver takes for an update. */
  async replace(ticket: PortTicket, subnets: readonly AttachedSubnet[]): Promise<void> {
    for (const [i, { subnet }] of subnets.entries()) requireFor(ticket, subnet, `subnets[${i}].subnet`);
    const after = subnetsOf(subnets);
    const removed = [...settingsOf(ticket).attachedSubnets.keys()].filter((cidr) => !after.has(cidr));
    await this.#change(ticket, [...removed, ...after.keys()], after);
  }

  /** One that is attached already is a conflict, as in the original. */
  async attach(ticket: PortTicket, { subnet, kind }: AttachedSubnet): Promise<void> {
    const before = settingsOf(ticket).attachedSubnets;
    requireFor(ticket, subnet, "subnet");
    if (before.has(subnet)) {
      throw new SledcastError(
        "subnet-attached",
        `subnet ${subnet} is attached to port ${ticket.name}; detach it first`,
      );
    }
    await this.#change(ticket, [subnet], new Map([...before, [subnet, kind]]));
  }

  /** One that is not attached is gone already; the driver is told all the same, if it can have one of that family. */
  async detach(ticket: PortTicket, subnet: Cidr): Promise<void> {
    const after = new Map(settingsOf(ticket).attachedSubnets);
    after.delete(subnet);
    const can = ticket.nic[isIpv6Cidr(subnet) ? "v6" : "v4"] !== undefined;
    await this.#change(ticket, can ? [subnet] : [], after);
  }

  async #change(ticket: PortTicket, changed: readonly Cidr[], attachedSubnets: Subnets): Promise<void> {
    const settings = { ...settingsOf(ticket), attachedSubnets };
    const touched = changed.map((cidr) => settingOn(ticket, cidr));
    await this.#context.halfDone.change(touched, async (step) => {
      for (const cidr of changed) await step(settingOn(ticket, cidr), () => this.#send(ticket, cidr, attachedSubnets));
      return [stateChange(ticket.name, settings)];
    });
    ticket.state.settings = settings;
    const subnets = [...attachedSubnets.keys()];
    this.#context.log.info({ port: ticket.name, subnets }, "attached subnets changed");
  }

  /** What the books say. */
  async mend(ticket: PortTicket, cidr: Cidr): Promise<void> {
    if (ticket.state.settings !== undefined) await this.#send(ticket, cidr);
  }

  async #send(ticket: PortTicket, cidr: Cidr, subnets: Subnets = settingsOf(ticket).attachedSubnets): Promise<void> {
    const kind = subnets.get(cidr);
    const port = ticket.name;
    const { driver } = this.#context;
    if (kind === undefined) await driver.detachSubnet({ port, cidr });
    else await driver.attachSubnet({ port, cidr, isExternal: kind === "external" });
  }
}
