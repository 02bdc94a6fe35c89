/**
 * The driver as the rest of the program sees it: one method a command, over a transport that
 * carries any command. The in-memory model and the real device are transports; what is true of
 * every call (its measure, its label) is said once, here.
 */
import type { BindingName } from "../host/binding.ts";
import { ILLUMOS_ERRNO, isSystem } from "./error.ts";
import { checkSendable } from "./gate.ts";
import type { CommandName, CreateXde, ForwardingEntry, M2pMapping, Request, Response, RouterEntry } from "./types.ts";

export interface DriverInfo {
  readonly kind: "model" | "xde";
  /** OPTE API version spoken. */
  readonly apiVersion: number;
  /** What carries the calls: a device path, or the model's file. */
  readonly through: string;
  /** What makes the system calls; the model needs none. */
  readonly binding?: BindingName;
  /** Why it cannot be worked with at the moment; left out: as far as is known it can. */
  readonly unavailable?: string;
}

export interface Transport {
  readonly info: DriverInfo;
  call<C extends CommandName>(command: C, req: Request<C>): Promise<Response<C>>;
  /** Told when a driver that was away answers again: its tables can be others than before. */
  onReturn?(listener: () => void): void;
  close(): Promise<void>;
}

/** Told of every call when it ended: seconds it took, and whether it succeeded. */
export type CallObserver = (command: CommandName, seconds: number, ok: boolean) => void;

export class Driver {
  readonly #transport: Transport;
  readonly #observe: CallObserver;
  /** The call under way, for those who ask why nothing moves. */
  #current: { readonly command: CommandName; readonly since: number } | undefined;

  constructor(transport: Transport, observe: CallObserver = () => {}) {
    this.#transport = transport;
    this.#observe = observe;
  }

  get info(): DriverInfo {
    return this.#transport.info;
  }

  /** The command the driver is working on and for how many seconds. */
  get busyWith(): { readonly command: CommandName; readonly seconds: number } | undefined {
    const current = this.#current;
    return current && { command: current.command, seconds: (performance.now() - current.since) / 1000 };
  }

  /** `isAnswer`: which errors say only that there was nothing to do. */
  async #call<C extends CommandName>(
    command: C,
    req: Request<C>,
    isAnswer: (error: unknown) => boolean = () => false,
  ): Promise<Response<C>> {
    checkSendable(command, req);
    const since = performance.now();
    this.#current = { command, since };
    let ok = false;
    try {
      const response = await this.#transport.call(command, req);
      ok = true;
      return response;
    } catch (error) {
      ok = isAnswer(error);
      throw error;
    } finally {
      this.#current = undefined;
      this.#observe(command, (performance.now() - since) / 1000, ok);
    }
  }

  listPorts = () => this.#call("ListPorts", undefined);
  createXde = (req: CreateXde) => this.#call("CreateXde", req);
  deleteXde = (name: string) => this.#call("DeleteXde", { name });
  /** Throws EEXIST where it is set already. */
  setXdeUnderlay = (u1: string, u2: string) => this.#call("SetXdeUnderlay", { u1, u2 }, isSystem(ILLUMOS_ERRNO.EEXIST));
  clearXdeUnderlay = () => this.#call("ClearXdeUnderlay", undefined);

  addFwRule = (req: Request<"AddFwRule">) => this.#call("AddFwRule", req);
  remFwRule = (req: Request<"RemFwRule">) => this.#call("RemFwRule", req);
  setFwRules = (req: Request<"SetFwRules">) => this.#call("SetFwRules", req);
  addRouterEntry = (req: RouterEntry) => this.#call("AddRouterEntry", req);
  delRouterEntry = (req: RouterEntry) => this.#call("DelRouterEntry", req);
  setExternalIps = (req: Request<"SetExternalIps">) => this.#call("SetExternalIps", req);
  allowCidr = (req: Request<"AllowCidr">) => this.#call("AllowCidr", req);
  removeCidr = (req: Request<"RemoveCidr">) => this.#call("RemoveCidr", req);
  attachSubnet = (req: Request<"AttachSubnet">) => this.#call("AttachSubnet", req);
  detachSubnet = (req: Request<"DetachSubnet">) => this.#call("DetachSubnet", req);
  clearUft = (port: string) => this.#call("ClearUft", { port });

  clearLft = (port: string, layer: string) => this.#call("ClearLft", { port, layer });
  listLayers = (port: string) => this.#call("ListLayers", { port });
  dumpLayer = (port: string, layer: string) => this.#call("DumpLayer", { port, layer });
  dumpUft = (port: string) => this.#call("DumpUft", { port });
  dumpTcpFlows = (port: string) => this.#call("DumpTcpFlows", { port });

  setVirt2Phys = (req: Request<"SetVirt2Phys">) => this.#call("SetVirt2Phys", req);
  clearVirt2Phys = (req: Request<"ClearVirt2Phys">) => this.#call("ClearVirt2Phys", req);
  dumpVirt2Phys = () => this.#call("DumpVirt2Phys", undefined);

  setVirt2Boundary = (req: Request<"SetVirt2Boundary">) => this.#call("SetVirt2Boundary", req);
  clearVirt2Boundary = (req: Request<"ClearVirt2Boundary">) => this.#call("ClearVirt2Boundary", req);
  dumpVirt2Boundary = () => this.#call("DumpVirt2Boundary", undefined);

  setMcast2Phys = (mapping: M2pMapping) => this.#call("SetMcast2Phys", mapping);
  /** Clears the group's mapping WHATEVER its underlay is: the driver does not compare. */
  clearMcast2Phys = (mapping: M2pMapping) => this.#call("ClearMcast2Phys", mapping);
  /** IPv4 groups ascending, then IPv6 groups ascending. */
  dumpMcast2Phys = () => this.#call("DumpMcast2Phys", undefined);
  /** Adds or replaces the hops named; the others stay. */
  setMcastForwarding = (entry: ForwardingEntry) => this.#call("SetMcastForwarding", entry);
  clearMcastForwarding = (req: Request<"ClearMcastForwarding">) => this.#call("ClearMcastForwarding", req);
  dumpMcastForwarding = () => this.#call("DumpMcastForwarding", undefined);
  /** Keyed by the underlay the group maps to; subscribing again replaces the port's filter there. */
  mcastSubscribe = (req: Request<"McastSubscribe">) => this.#call("McastSubscribe", req);
  /** Succeeds without effect when the group has no mapping. */
  mcastUnsubscribe = (req: Request<"McastUnsubscribe">) => this.#call("McastUnsubscribe", req);
  /** Panics a kernel whose underlay is not set, so it is sent only where a port proves that it is. */
  async mcastUnsubscribeAll(req: Request<"McastUnsubscribeAll">): Promise<undefined> {
    if ((await this.listPorts()).length > 0) await this.#call("McastUnsubscribeAll", req);
  }
  dumpMcastSubscriptions = () => this.#call("DumpMcastSubscriptions", undefined);

  close(): Promise<void> {
    return this.#transport.close();
  }
}
