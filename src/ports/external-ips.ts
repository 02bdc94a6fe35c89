/**
 * External addresses of ports, and which internet gateways may choose each as a source. The driver
 * takes both together and whole; each change is in the driver and in the ledger, or in neither.
 */
import { SledcastError } from "../error.ts";
import { compareIp, type Ip, isIpv6 } from "../net/ip.ts";
import type { ExternalIpCfg } from "../opte/types.ts";
import type { Uuid } from "../uuid.ts";
import type { Setting } from "./half-done.ts";
import { gatewaysChange, readGateways, stateChange } from "./records.ts";
import type { ExternalIp, ExternalIps, GatewayMap, Nic } from "./spec.ts";
import { type Gateways, isThere, type PortsContext, type PortTicket, requireFamily, settingsOf } from "./state.ts";

const NONE: ExternalIpCfg<Ip> = { snat: undefined, ephemeralIp: undefined, floatingIps: [] };

/** The addresses with those of one family changed. The family is the address's, so the cast holds. */
function changed(all: ExternalIps, ip: Ip, change: (family: ExternalIpCfg<Ip>) => Partial<ExternalIpCfg<Ip>>) {
  const family = isIpv6(ip) ? "v6" : "v4";
  const before = (all[family] as ExternalIpCfg<Ip> | undefined) ?? NONE;
  return { ...all, [family]: { ...before, ...change(before) } } as ExternalIps;
}

/** In the driver's order, so that equal ones have equal texts. */
function ordered(gateways: Gateways): Gateways {
  const entries = [...gateways].map(([ip, ids]) => [ip, [...new Set(ids)].sort()] as const);
  return new Map(entries.sort(([a], [b]) => compareIp(a, b)));
}

const textOf = (gateways: Gateways | undefined) => gateways && JSON.stringify([...gateways]);

const settingOn = ({ name: port }: PortTicket): Setting => ({ port, of: "external addresses" });

export class ExternalAddresses {
  readonly #context: PortsContext;
  /** Of every NIC that the control plane named, whether its port is here or not. */
  readonly #gateways: Map<Uuid, Gateways>;

  constructor(context: PortsContext) {
    this.#context = context;
    this.#gateways = readGateways(context.ledger);
  }

  /** Only instances' addresses are chosen by gateways; those of services and probes are left untagged. */
  gatewaysOf({ id, kind }: Nic): Gateways | undefined {
    return kind === "instance" ? this.#gateways.get(id) : undefined;
  }

  /** An instance's port has its addresses from its creation, but not the gateways. */
  async configure(ticket: PortTicket): Promise<void> {
    if (ticket.nic.kind === "instance") await this.mend(ticket);
  }

  async attach(ticket: PortTicket, { kind, ip }: ExternalIp): Promise<void> {
    requireFamily(ticket, isIpv6(ip), `value: ${ip}`);
    const after = changed(settingsOf(ticket).externalIps, ip, ({ ephemeralIp, floatingIps }) => {
      if (kind === "floating") return { floatingIps: floatingIps.includes(ip) ? floatingIps : [...floatingIps, ip] };
      if (ephemeralIp === undefined || ephemeralIp === ip) return { ephemeralIp: ip };
      throw new SledcastError(
        "conflict",
        `value: port ${ticket.name} has the ephemeral address ${ephemeralIp}; detach it before ${ip} is attached`,
      );
    });
    await this.#set(ticket, after);
  }

  /** What is not attached is gone already. */
  async detach(ticket: PortTicket, { kind, ip }: ExternalIp): Promise<void> {
    const before = settingsOf(ticket).externalIps;
    const after =
      before[isIpv6(ip) ? "v6" : "v4"] === undefined
        ? before
        : changed(before, ip, ({ ephemeralIp, floatingIps }) =>
            kind === "floating"
              ? { floatingIps: floatingIps.filter((floating) => floating !== ip) }
              : { ephemeralIp: ephemeralIp === ip ? undefined : ephemeralIp },
          );
    await this.#set(ticket, after);
  }

  /** Sent also where nothing changes: so a control plane puts right what nobody here can see. */
  async #set(ticket: PortTicket, externalIps: ExternalIps): Promise<void> {
    const settings = { ...settingsOf(ticket), externalIps };
    const setting = settingOn(ticket);
    await this.#context.halfDone.change([setting], async (step) => {
      await step(setting, () => this.#send(ticket, externalIps, ticket.state.gateways));
      return [stateChange(ticket.name, settings)];
    });
    ticket.state.settings = settings;
    const addresses = [externalIps.v4, externalIps.v6].flatMap((family) => [
      ...(family?.ephemeralIp === undefined ? [] : [family.ephemeralIp]),
      ...(family?.floatingIps ?? []),
    ]);
    this.#context.log.info({ port: ticket.name, addresses }, "external addresses set");
  }

  /**
   * All gateways of the sled; a NIC that is left out has none. What is equal is not sent, as in the
   * original: the whole comes again and again.
   */
  async setGateways(tickets: Iterable<PortTicket>, gateways: GatewayMap): Promise<void> {
    const after = new Map([...gateways].map(([nic, map]) => [nic, ordered(map)]));
    const nics = [...new Set([...this.#gateways.keys(), ...after.keys()])].filter(
      (nic) => textOf(this.#gateways.get(nic)) !== textOf(after.get(nic)),
    );
    if (nics.length === 0) return;
    const changedNics = new Set(nics);
    const touched = [...tickets].filter(
      ({ nic, state }) => nic.kind === "instance" && state.settings !== undefined && changedNics.has(nic.id),
    );
    await this.#context.halfDone.change(touched.map(settingOn), async (step) => {
      for (const ticket of touched) {
        const send = () => this.#send(ticket, settingsOf(ticket).externalIps, after.get(ticket.nic.id));
        await isThere(this.#context, ticket.name, () => step(settingOn(ticket), send));
      }
      return nics.map((nic) => gatewaysChange(nic, after.get(nic)));
    });
    for (const nic of nics) {
      const mapped = after.get(nic);
      if (mapped === undefined) this.#gateways.delete(nic);
      else this.#gateways.set(nic, mapped);
    }
    for (const ticket of touched) ticket.state.gateways = after.get(ticket.nic.id);
    const fields = { nics: nics.length, ports: touched.length };
    this.#context.log.info(fields, "gateways of external addresses changed");
  }

  /** What the books say. Of a port whose addresses are not known, those that it has stay. */
  async mend(ticket: PortTicket): Promise<void> {
    const { settings, gateways } = ticket.state;
    if (settings !== undefined) await this.#send(ticket, settings.externalIps, gateways);
  }

  async #send({ name: port }: PortTicket, { v4, v6 }: ExternalIps, gateways: Gateways | undefined): Promise<void> {
    await this.#context.driver.setExternalIps({ port, v4, v6, internetGateways: gateways && [...gateways] });
  }
}
