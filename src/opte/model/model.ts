/**
 * The driver model: xde's tables and commands in memory. It is the product's driver where there
 * is no xde (Linux, macOS) and answers as the real one does, its oddities included; the rules are
 * in `mcast.ts` and `ports.ts`. State lives as long as the process, or in one file.
 */
import { badRequest, messageOf } from "../../error.ts";
import type { DriverInfo, Transport } from "../driver.ts";
import { DriverError, describeOpteError } from "../error.ts";
import type { CommandName, PortState, Request, Response } from "../types.ts";
import { Faults } from "./faults.ts";
import * as firewall from "./firewall.ts";
import { type InitialPort, initialPort } from "./initial-port.ts";
import { Journal } from "./journal.ts";
import * as layers from "./layers.ts";
import * as mcast from "./mcast.ts";
import * as ports from "./ports.ts";
import { Refusal } from "./refuse.ts";
import * as routes from "./routes.ts";
import { restore, type Snapshot, snapshot, Tables } from "./tables.ts";
import * as virt2boundary from "./virt2boundary.ts";
import * as virt2phys from "./virt2phys.ts";

type Handlers = {
  readonly [C in CommandName]: (tables: Tables, req: Request<C>, around: ports.Surroundings) => Response<C>;
};

const HANDLERS: Handlers = {
  ListPorts: ports.listPorts,
  CreateXde: ports.createXde,
  DeleteXde: ports.deleteXde,
  SetXdeUnderlay: ports.setXdeUnderlay,
  ClearXdeUnderlay: ports.clearXdeUnderlay,
  AddFwRule: firewall.addFwRule,
  RemFwRule: firewall.remFwRule,
  SetFwRules: firewall.setFwRules,
  ListLayers: layers.listLayers,
  DumpLayer: layers.dumpLayer,
  DumpUft: layers.dumpUft,
  DumpTcpFlows: layers.dumpTcpFlows,
  AddRouterEntry: routes.addRouterEntry,
  DelRouterEntry: routes.delRouterEntry,
  SetExternalIps: ports.setExternalIps,
  AllowCidr: ports.allowCidr,
  RemoveCidr: ports.removeCidr,
  AttachSubnet: ports.attachSubnet,
  DetachSubnet: ports.detachSubnet,
  ClearUft: layers.clearUft,
  ClearLft: layers.clearLft,
  SetVirt2Phys: virt2phys.setVirt2Phys,
  ClearVirt2Phys: virt2phys.clearVirt2Phys,
  DumpVirt2Phys: virt2phys.dumpVirt2Phys,
  SetVirt2Boundary: virt2boundary.setVirt2Boundary,
  ClearVirt2Boundary: virt2boundary.clearVirt2Boundary,
  DumpVirt2Boundary: virt2boundary.dumpVirt2Boundary,
  SetMcast2Phys: mcast.setMcast2Phys,
  ClearMcast2Phys: mcast.clearMcast2Phys,
  DumpMcast2Phys: mcast.dumpMcast2Phys,
  SetMcastForwarding: mcast.setMcastForwarding,
  ClearMcastForwarding: mcast.clearMcastForwarding,
  DumpMcastForwarding: mcast.dumpMcastForwarding,
  McastSubscribe: mcast.mcastSubscribe,
  McastUnsubscribe: mcast.mcastUnsubscribe,
  McastUnsubscribeAll: mcast.mcastUnsubscribeAll,
  DumpMcastSubscriptions: mcast.dumpMcastSubscriptions,
};

const READS: ReadonlySet<CommandName> = new Set([
  "ListPorts",
  "ListLayers",
  "DumpLayer",
  "DumpUft",
  "DumpTcpFlows",
  "ClearUft",
  "ClearLft",
  "DumpVirt2Phys",
  "DumpVirt2Boundary",
  "DumpMcast2Phys",
  "DumpMcastForwarding",
  "DumpMcastSubscriptions",
]);

export interface ModelOptions {
  /** File that keeps the tables; left out: they end with the process. */
  readonly state?: string;
  /** The underlay devices that are set from the start; false: none are. */
  readonly underlay?: readonly [string, string] | false;
  readonly ports?: readonly InitialPort[];
  readonly links?: readonly string[];
  readonly portsStart?: "ready" | "running";
  /** OPTE API version to claim. */
  readonly apiVersion?: number;
}

export class DriverModel implements Transport {
  readonly info: DriverInfo;
  readonly faults = new Faults();
  readonly #tables: Tables;
  readonly #around: ports.Surroundings;
  readonly #journal: Journal | undefined;

  constructor(options: ModelOptions = {}) {
    this.#around = {
      links: options.links && new Set(options.links),
      portsStart: options.portsStart ?? "ready",
    };
    const opened = options.state === undefined ? undefined : Journal.open(options.state);
    this.#journal = opened?.journal;
    const saved = opened?.recovered.snapshot;
    try {
      this.#tables = saved === undefined ? new Tables() : restore(saved as Snapshot);
      for (const record of opened?.recovered.records ?? []) this.#replay(record as readonly [string, unknown]);
    } catch (error) {
      this.#journal?.close();
      throw badRequest(
        `model.state ${options.state}: its content is damaged (${messageOf(error)}); name another file, or delete it to start with empty tables`,
      );
    }
    if (saved === undefined && options.underlay !== false) this.#tables.underlay = options.underlay ?? ["net0", "net1"];
    for (const port of options.ports ?? []) this.#addInitialPort(port);
    this.#journal?.compact(snapshot(this.#tables));
    this.info = {
      kind: "model",
      apiVersion: options.apiVersion ?? 41,
      through: options.state === undefined ? "memory" : options.state,
    };
  }

  /** What the tables hold, as plain data. */
  get tables(): Snapshot {
    return structuredClone(snapshot(this.#tables));
  }

  async call<C extends CommandName>(command: C, req: Request<C>): Promise<Response<C>> {
    const before = this.faults.strike(command, "before");
    if (before !== undefined) await before;
    const response = this.#run(command, req);
    const after = this.faults.strike(command, "after");
    if (after !== undefined) await after;
    return response;
  }

  #run<C extends CommandName>(command: C, req: Request<C>): Response<C> {
    let response: Response<C>;
    try {
      response = HANDLERS[command](this.#tables, req, this.#around);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // Refused commands are kept too: some leave a trace (a delete of a busy port).
      this.#keep(command, req);
      throw new DriverError(command, error.opte);
    }
    this.#keep(command, req);
    return response;
  }

  #keep(command: CommandName, req: unknown): void {
    if (!READS.has(command)) this.#record(command, command === "RemFwRule" ? firewall.plainRemoval(req) : req);
  }

  #record(name: string, value: unknown): void {
    if (this.#journal === undefined) return;
    this.#journal.append([name, value]);
    if (this.#journal.wantsCompaction) this.#journal.compact(snapshot(this.#tables));
  }

  #replay([name, value]: readonly [string, unknown]): void {
    if (name === "setPort") {
      this.#setPort(value as PortChange);
      return;
    }
    const handler = HANDLERS[name as CommandName] as (
      tables: Tables,
      req: unknown,
      around: ports.Surroundings,
    ) => unknown;
    try {
      handler(this.#tables, value, this.#around);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }

  /** What a guest, not the agent, does to a port: opens its link, or keeps it busy. */
  setPort(change: PortChange): void {
    this.#setPort(change);
    this.#record("setPort", change);
  }

  #setPort({ name, state, busy }: PortChange): void {
    const port = this.#tables.ports.get(name);
    if (port === undefined) return;
    port.state = state ?? port.state;
    port.busy = busy ?? port.busy;
  }

  #addInitialPort(port: InitialPort): void {
    if (this.#tables.ports.has(port.name)) return;
    try {
      // Not a command of anybody's: it is part of the snapshot that the start ends with.
      ports.createXde(this.#tables, initialPort(port), this.#around);
    } catch (error) {
      this.#journal?.close();
      const why = error instanceof Refusal ? describeOpteError(error.opte) : messageOf(error);
      throw badRequest(`model.ports: ${port.name} cannot be made: ${why}`);
    }
  }

  async close(): Promise<void> {
    this.#journal?.close();
  }
}

export interface PortChange {
  readonly name: string;
  readonly state?: PortState;
  readonly busy?: boolean;
}
