/** The firewall rules of VPCs on their ports: a port always has one whole set of them. */
import { firewallRules } from "./firewall.ts";
import { type FirewallSet, FirewallSets } from "./firewall-sets.ts";
import type { Setting } from "./half-done.ts";
import { stateChange } from "./records.ts";
import type { VpcFirewallRule } from "./spec.ts";
import { isThere, type PortsContext, type PortTicket } from "./state.ts";

const settingOn = ({ name: port }: PortTicket): Setting => ({ port, of: "firewall rules" });

export class VpcFirewall {
  readonly #context: PortsContext;
  readonly sets: FirewallSets;

  constructor(context: PortsContext) {
    this.#context = context;
    this.sets = new FirewallSets(context.ledger);
  }

  /** Sent also where nothing changes: so a control plane puts right what nobody here can see. */
  async set(tickets: readonly PortTicket[], rules: readonly VpcFirewallRule[]): Promise<void> {
    if (tickets.length === 0) return;
    const firewall = this.sets.of(rules);
    const reached: PortTicket[] = [];
    await this.#context.halfDone.change(tickets.map(settingOn), async (step) => {
      for (const ticket of tickets) {
        const send = () => step(settingOn(ticket), () => this.#send(ticket, firewall));
        if (await isThere(this.#context, ticket.name, send)) reached.push(ticket);
      }
      const states = reached.flatMap(({ name, state: { settings } }) =>
        settings === undefined ? [] : [stateChange(name, { ...settings, firewall })],
      );
      return states.length === 0 ? [] : [...this.sets.recordOf(firewall), ...states];
    });
    for (const ticket of reached) this.#noteChange(ticket, firewall);
    const fields = { vni: tickets[0]?.nic.vni, rules: rules.length, ports: reached.length };
    this.#context.log.info(fields, "firewall rules set");
  }

  #noteChange({ name, state }: PortTicket, firewall: FirewallSet): void {
    if (state.settings === undefined) return;
    const before = state.settings.firewall;
    this.sets.take(firewall, name);
    if (before.digest !== firewall.digest) this.sets.drop(before, name);
    state.settings = { ...state.settings, firewall };
  }

  /** What the books say, on a new port or one that may have other rules. */
  send(ticket: PortTicket): Promise<void> {
    return this.#send(ticket);
  }

  /** Of a port whose rules are not known, those that it has stay. */
  async #send({ name, nic, state }: PortTicket, firewall = state.settings?.firewall): Promise<void> {
    if (firewall === undefined) return;
    await this.#context.driver.setFwRules({ port: name, rules: firewallRules(firewall.rules, nic) });
  }
}
