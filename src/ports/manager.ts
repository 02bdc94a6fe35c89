/**
 * PortManager: makes OPTE ports whole or not at all, and takes them away leaving nothing behind. A
 * port is made in the steps of the original's PortManager (device, external addresses, firewall,
 * routes), each with its undo; what it has is in its `PortState`.
 */
import { SledcastError } from "../error.ts";
import { TELL_NOBODY, type Tell } from "../events.ts";
import type { Datalinks } from "../host/datalinks.ts";
import { type Ledger, type LedgerChange, SALVAGED } from "../intent/ledger.ts";
import { withUndo } from "../intent/undo.ts";
import type { Log } from "../log.ts";
import type { Ipv6 } from "../net/ip.ts";
import type { Vni } from "../net/vni.ts";
import type { Driver } from "../opte/driver.ts";
import { type Leftover, nicExists, PortDevices, type PortIdentity } from "./devices.ts";
import { ExternalAddresses } from "./external-ips.ts";
import { HalfDone, type HalfDoneThing, type Setting } from "./half-done.ts";
import { readPorts, stateChange, strayStates } from "./records.ts";
import { Routes } from "./routes.ts";
import type { GatewayMap, Nic, PortSpec, RouteSetState, RouteSetUpdate, VpcFirewallRule } from "./spec.ts";
import { nicKey, type PortsContext, type PortTicket, subnetsOf } from "./state.ts";
import { AttachedSubnets } from "./subnets.ts";
import { vpcCfg } from "./vpc-cfg.ts";
import { VpcFirewall } from "./vpc-firewall.ts";

export class PortManager {
  readonly #physIp: Ipv6;
  readonly #context: PortsContext;
  readonly #devices: PortDevices;
  readonly #halfDone: HalfDone;
  readonly #routes: Routes;
  readonly #firewall: VpcFirewall;
  readonly externalIps: ExternalAddresses;
  readonly subnets: AttachedSubnets;
  /** Of an earlier run, until a VMM claims them. */
  readonly #unclaimed: Map<string, PortTicket>;
  /** Live ports of ours by name, and by (VNI, MAC). */
  readonly #ports = new Map<string, PortTicket>();
  readonly #nics = new Map<string, PortTicket>();

  constructor(driver: Driver, datalinks: Datalinks, physIp: Ipv6, ledger: Ledger, log: Log, tell: Tell = TELL_NOBODY) {
    this.#physIp = physIp;
    this.#halfDone = new HalfDone(ledger, (setting) => this.#mend(setting));
    this.#context = { driver, ledger, log, halfDone: this.#halfDone };
    this.#devices = new PortDevices(driver, datalinks, ledger, log, tell);
    this.#routes = new Routes(this.#context);
    this.#firewall = new VpcFirewall(this.#context);
    this.externalIps = new ExternalAddresses(this.#context);
    this.subnets = new AttachedSubnets(this.#context);
    this.#unclaimed = new Map(readPorts(ledger, this.#firewall.sets).map((ticket) => [ticket.name, ticket]));
    for (const ticket of this.#unclaimed.values()) this.#devices.recall(ticket);
  }

  /** A port of an earlier run that a VMM has. Undefined: none of that name was made here. */
  claim(name: string): PortTicket | undefined {
    const ticket = this.#unclaimed.get(name);
    if (ticket === undefined) return undefined;
    this.#unclaimed.delete(name);
    ticket.state.gateways = this.externalIps.gatewaysOf(ticket.nic);
    this.#routes.hold(name, ticket.nic);
    this.#handOut(ticket);
    return ticket;
  }

  /**
   * When all claims were made. After a repair of the ledger, ports that no VMM has may be those of one
   * that was lost with it, and in use: they are left in the driver, as somebody else's.
   */
  disownUnclaimed(): void {
    const { ledger, log } = this.#context;
    this.#halfDone.forgetAllBut((port) => this.#ports.has(port));
    this.#routes.forgetUnclaimed();
    ledger.note(this.#firewall.sets.unused());
    ledger.note(strayStates(ledger));
    if (ledger.get(SALVAGED) === undefined) return;
    for (const name of this.#unclaimed.keys()) {
      this.#devices.disown(name);
      log.warn(
        { port: name },
        "the ledger was repaired and says of no VMM that it has this port: it is left as somebody else's; adopt it, or delete it",
      );
    }
    ledger.note([{ key: SALVAGED, value: undefined }]);
  }

  #handOut(ticket: PortTicket): void {
    const { name, nic, state } = ticket;
    this.#ports.set(name, ticket);
    this.#nics.set(nicKey(nic), ticket);
    if (state.settings !== undefined) this.#firewall.sets.take(state.settings.firewall, name);
    this.#devices.handOut(name);
  }

  /** How many things are broken: cheap to ask. */
  get brokenCount(): number {
    return this.#devices.leftoverCount + this.#halfDone.size;
  }

  get leftovers(): readonly Leftover[] {
    return this.#devices.leftovers;
  }

  get halfDone(): readonly HalfDoneThing[] {
    return this.#halfDone.things;
  }

  isOurs(name: string): boolean {
    return this.#ports.has(name) || this.#devices.leftover(name) !== undefined;
  }

  vniOf(name: string): number | undefined {
    return (this.#ports.get(name) ?? this.#devices.leftover(name)?.ticket)?.nic.vni;
  }

  async create(spec: PortSpec): Promise<PortTicket> {
    const { nic, externalIps, attachedSubnets, firewall } = spec;
    await this.#refuseTaken(nic);
    const ticket = await withUndo(async (undo) => {
      const name = await this.#devices.create(nic, { cfg: vpcCfg(spec, this.#physIp), mtu: spec.mtu }, undo);
      const settings = {
        externalIps,
        attachedSubnets: subnetsOf(attachedSubnets),
        firewall: this.#firewall.sets.of(firewall),
      };
      const gateways = this.externalIps.gatewaysOf(nic);
      const made: PortTicket = { name, nic, state: { settings, gateways, memberships: new Map() } };
      await this.externalIps.configure(made);
      await this.#firewall.send(made);
      undo(async () => this.#routes.release(name));
      await this.#routes.acquire(name, nic);
      return made;
    });
    this.#handOut(ticket);
    this.#context.log.info({ port: ticket.name, mac: nic.mac, vni: nic.vni }, "port created");
    return ticket;
  }

  /** What is to be recorded of new ports with the VMM that has them. */
  recordsOf(tickets: readonly PortTicket[]): LedgerChange[] {
    const known = tickets.flatMap(({ name, state: { settings } }) => (settings ? [{ name, settings }] : []));
    const sets = new Map(known.map(({ settings }) => [settings.firewall.digest, settings.firewall]));
    return [
      ...[...sets.values()].flatMap((set) => this.#firewall.sets.recordOf(set)),
      ...known.map(({ name, settings }) => stateChange(name, settings)),
      ...tickets.flatMap(({ nic }) => this.#routes.recordsOf(nic)),
    ];
  }

  /**
   * Deletes the port. Never fails: what does not go is a leftover. Answers whether it is gone.
   * `lost`: it is gone from the driver, where its name may be another's by now.
   */
  async release(ticket: PortTicket, lost = false): Promise<boolean> {
    const { name, nic, state } = ticket;
    this.#routes.release(name);
    this.#ports.delete(name);
    if (this.#nics.get(nicKey(nic)) === ticket) this.#nics.delete(nicKey(nic));
    this.#halfDone.forget(name);
    if (state.settings !== undefined) this.#firewall.sets.drop(state.settings.firewall, name);
    return this.#devices.remove(ticket, lost);
  }

  /** Tries a leftover once more; throws if it stays. */
  async finish(port: PortIdentity): Promise<void> {
    if (await this.#devices.remove(port, true)) return;
    throw new SledcastError("driver-busy", this.#devices.leftover(port.name)?.reason ?? "");
  }

  /** Tries to delete what is left over, and to mend what is half done. */
  async repair(): Promise<void> {
    await this.#devices.repair();
    await this.#halfDone.repair();
  }

  /** A port of ours that went from the driver is there again: it is another device, with nothing set on it. */
  async setAgain(port: string): Promise<void> {
    const settings = this.#ports.get(port)?.state.settings;
    if (settings === undefined) return;
    const subnets = [...settings.attachedSubnets.keys()].map((cidr) => ({ of: "attached subnet" as const, cidr }));
    const routes = this.#routes.destinationsOf(port).map((cidr) => ({ of: "routes to" as const, cidr }));
    const whole = [{ of: "external addresses" as const }, { of: "firewall rules" as const }];
    const all: Setting[] = [...whole, ...subnets, ...routes].map((setting) => ({ port, ...setting }));
    await this.#halfDone.suspect(all, "the port was made anew by somebody else");
    await this.#halfDone.repair();
  }

  /** Brings one setting of a port to what the books say. */
  async #mend(setting: Setting): Promise<void> {
    const ticket = this.#ports.get(setting.port);
    if (ticket === undefined) return;
    switch (setting.of) {
      case "external addresses":
        return this.externalIps.mend(ticket);
      case "firewall rules":
        return this.#firewall.send(ticket);
      case "attached subnet":
        return this.subnets.mend(ticket, setting.cidr);
      case "routes to":
        return this.#routes.mend(setting.port, setting.cidr);
    }
  }

  /** For the ports of a VPC that were made here. */
  setFirewall(vni: Vni, rules: readonly VpcFirewallRule[]): Promise<void> {
    return this.#firewall.set(
      [...this.#ports.values()].filter(({ nic }) => nic.vni === vni),
      rules,
    );
  }

  setGateways(gateways: GatewayMap): Promise<void> {
    return this.externalIps.setGateways(this.#ports.values(), gateways);
  }

  listRoutes(): readonly RouteSetState[] {
    return this.#routes.list();
  }

  setRoutes(sets: readonly RouteSetUpdate[]): Promise<void> {
    return this.#routes.ensure(sets);
  }

  /** A leftover that has it is tried once more first. */
  async #refuseTaken(nic: Nic): Promise<void> {
    const holder = this.#nics.get(nicKey(nic));
    if (holder !== undefined) throw nicExists(nic, `it is port ${holder.name} on this sled already`);
    const left = this.leftovers.filter(({ ticket }) => nicKey(ticket.nic) === nicKey(nic));
    for (const { ticket } of left) {
      if (await this.#devices.remove(ticket, true)) continue;
      throw nicExists(nic, `port ${ticket.name} of an earlier VMM has it and cannot be deleted yet; it is retried`);
    }
  }
}
