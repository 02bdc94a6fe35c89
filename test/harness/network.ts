/** The network operations of an agent, for what HTTP makes of requests: keeps what it is asked, does nothing. */
import type { Listed } from "../../src/agent/lists.ts";
import type { NetworkOperations } from "../../src/agent/network.ts";
import type { Virt2Phys } from "../../src/opte/types.ts";
import type { RouteSetState } from "../../src/ports/spec.ts";

type Asked = {
  [Name in keyof NetworkOperations]: readonly [Name, ...Parameters<NetworkOperations[Name]>];
}[keyof NetworkOperations];

export class RecordingNetwork implements NetworkOperations {
  readonly asked: Asked[] = [];
  /** What the next change fails with. */
  failure: Error | undefined;
  routes: readonly RouteSetState[] = [];
  virt2phys: Listed<Virt2Phys> = { entries: [] };

  reset(): void {
    this.asked.length = 0;
    this.failure = undefined;
    this.routes = [];
    this.virt2phys = { entries: [] };
  }

  #change<Name extends keyof NetworkOperations>(name: Name) {
    return async (...given: Parameters<NetworkOperations[Name]>): Promise<void> => {
      const { failure } = this;
      this.failure = undefined;
      if (failure !== undefined) throw failure;
      this.asked.push([name, ...given] as unknown as Asked);
    };
  }

  attachExternalIp = this.#change("attachExternalIp");
  detachExternalIp = this.#change("detachExternalIp");
  replaceAttachedSubnets = this.#change("replaceAttachedSubnets");
  attachSubnet = this.#change("attachSubnet");
  detachSubnet = this.#change("detachSubnet");
  setFirewallRules = this.#change("setFirewallRules");
  setRoutes = this.#change("setRoutes");
  setGateways = this.#change("setGateways");
  setVirt2Phys = this.#change("setVirt2Phys");
  clearVirt2Phys = this.#change("clearVirt2Phys");
  listRoutes = (): readonly RouteSetState[] => this.routes;
  listVirt2Phys = async (): Promise<Listed<Virt2Phys>> => this.virt2phys;
}
