/** The clients of VMMs: each registers one, changes its memberships and what is set on its port, and unregisters it. */
import { ensureBody, nic, propolis } from "../harness/registration.ts";
import type { Sender } from "./sender.ts";
import { GROUPS } from "./tables.ts";

const VMMS = 6;
const SOURCES = ["", "10.0.0.1", "10.0.0.1,10.0.0.2"] as const;
const SUBNETS = ["172.16.1.0/24", "172.16.2.0/24", "172.16.3.0/24"] as const;
const DESTINATIONS = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"] as const;
/** Of the addresses that live elsewhere. */
export const V2P_VNI = 900;

/** Each VMM is in a VPC of its own: what is said of a VPC is said of one VMM. */
export const vniOf = (n: number) => 200 + n;
export const vmmNumbers = Array.from({ length: VMMS }, (_, n) => n + 1);
const routerOf = (n: number) => `77777777-0000-4000-8000-${String(n).padStart(12, "0")}`;
const sourcesOf = (text: string) => (text === "" ? [] : text.split(","));

const KINDS = [
  ...["join", "join", "join", "leave", "leave", "attach address", "detach address", "attach subnet"],
  ...["detach subnet", "replace subnets", "set firewall", "set routes", "register again"],
] as const;

export class VmmClient {
  readonly #n: number;
  readonly #id: string;
  readonly #sender: Sender;
  #routesVersion = 0;

  constructor(n: number, sender: Sender) {
    this.#n = n;
    this.#id = propolis(n);
    this.#sender = sender;
  }

  run(): Promise<boolean> {
    return this.#sender.repeat(() => {
      if (this.#sender.books.get(`vmm ${this.#id}`) === undefined) return this.#register();
      return this.#sender.chance.next() < 0.03 ? this.#unregister() : this.#changeIt();
    });
  }

  #line = (what: string) => `${this.#id} ${what}`;
  #path = (what: string) => `/vmms/${this.#id}/${what}`;

  #registration(groups: readonly string[], port: number) {
    return ensureBody({
      nics: [nic(this.#n, { vni: vniOf(this.#n), primary: true })],
      multicast_groups: groups.map((group_ip) => ({ group_ip, sources: [] })),
      firewall_rules: [ruleFor(port)],
    });
  }

  #register(): Promise<void> {
    const { chance } = this.#sender;
    const groups = chance.some(GROUPS).slice(0, 8);
    const port = 1 + chance.below(1000);
    const change = new Map([
      [`vmm ${this.#id}`, ""],
      ...groups.map((group) => [this.#line(`member ${group}`), ""] as const),
      [this.#line("firewall"), String(port)],
    ]);
    const sent = { method: "PUT", where: `/vmms/${this.#id}`, body: this.#registration(groups, port) } as const;
    return this.#sender.change("register", change, sent);
  }

  #unregister(): Promise<void> {
    const lines = [`vmm ${this.#id}`, ...this.#sender.books.of(this.#line(""))];
    const change = new Map(lines.map((line) => [line, undefined]));
    return this.#sender.change("unregister", change, { method: "DELETE", where: `/vmms/${this.#id}` });
  }

  #changeIt(): Promise<void> {
    const { chance } = this.#sender;
    const kind = chance.pick(KINDS);
    if (kind === "join" || kind === "leave") return this.#changeMembership(kind);
    if (kind === "attach address" || kind === "detach address") {
      const value = `192.0.2.${1 + chance.below(5)}`;
      const method = kind === "attach address" ? "PUT" : "DELETE";
      const change = new Map([[this.#line(`floating ${value}`), method === "PUT" ? "" : undefined]]);
      const sent = { method, where: this.#path("external-ip"), body: { type: "floating", value } } as const;
      return this.#sender.change(kind, change, sent);
    }
    if (kind === "set firewall") {
      const port = 1 + chance.below(1000);
      const body = { vni: vniOf(this.#n), rules: [ruleFor(port)] };
      const where = `/vpc/${routerOf(this.#n)}/firewall/rules`;
      const change = new Map([[this.#line("firewall"), String(port)]]);
      return this.#sender.change(kind, change, { method: "PUT", where, body });
    }
    if (kind === "set routes") return this.#setRoutes();
    if (kind === "register again") {
      const sent = { method: "PUT", where: `/vmms/${this.#id}`, body: this.#registration([], 1) } as const;
      return this.#sender.change(kind, new Map(), sent);
    }
    return this.#changeSubnets(kind);
  }

  #changeMembership(kind: "join" | "leave"): Promise<void> {
    const { chance } = this.#sender;
    const group = chance.pick(GROUPS);
    const where = this.#path("multicast-group");
    const line = this.#line(`member ${group}`);
    if (kind === "leave") {
      const body = { group_ip: group, sources: [] };
      return this.#sender.change(kind, new Map([[line, undefined]]), { method: "DELETE", where, body });
    }
    // Sources are of their group's family.
    const sources = group.includes(":") ? "" : chance.pick(SOURCES);
    const body = { group_ip: group, sources: sourcesOf(sources) };
    return this.#sender.change(kind, new Map([[line, sources]]), { method: "PUT", where, body });
  }

  #changeSubnets(kind: string): Promise<void> {
    const { chance, books } = this.#sender;
    const [subnet, subnetKind] = [chance.pick(SUBNETS), chance.pick(["vpc", "external"] as const)];
    const where = this.#path("attached-subnets");
    const line = (one: string) => this.#line(`subnet ${one}`);
    if (kind === "attach subnet" && books.get(line(subnet)) === undefined) {
      const change = new Map([[line(subnet), subnetKind]]);
      return this.#sender.change(kind, change, { method: "POST", where, body: { subnet, kind: subnetKind } });
    }
    if (kind === "detach subnet") {
      const change = new Map([[line(subnet), undefined]]);
      const sent = { method: "DELETE", where: `${where}/${encodeURIComponent(subnet)}` } as const;
      return this.#sender.change(kind, change, sent);
    }
    const subnets = chance.some(SUBNETS).map((one) => ({ subnet: one, kind: subnetKind }));
    const change = new Map<string, string | undefined>([
      ...SUBNETS.map((one) => [line(one), undefined] as const),
      ...subnets.map(({ subnet: one }) => [line(one), subnetKind] as const),
    ]);
    return this.#sender.change("replace subnets", change, { method: "PUT", where, body: { subnets } });
  }

  #setRoutes(): Promise<void> {
    const dest = this.#sender.chance.pick(DESTINATIONS);
    // One without an answer may be known: the next one is newer all the same.
    const version = ++this.#routesVersion;
    const id = { kind: { type: "system" }, vni: vniOf(this.#n) };
    const routes = [{ dest, target: { type: "ip", value: "10.0.0.99" } }];
    const body = [{ id, version: { router_id: routerOf(this.#n), version }, routes }];
    const change = new Map([
      [this.#line("routes"), dest],
      [this.#line("routes version"), String(version)],
    ]);
    return this.#sender.change("set routes", change, { method: "PUT", where: "/vpc-routes", body });
  }
}

/** The client that is told where the addresses of another VPC live. */
export function changeV2p(sender: Sender): Promise<void> {
  const { chance } = sender;
  const virtual = `10.0.1.${1 + chance.below(20)}`;
  const sled = `fd00::${1 + chance.below(9)}`;
  const method = chance.pick(["PUT", "PUT", "DELETE"] as const);
  const body = { physical_host_ip: sled, virtual_ip: virtual, virtual_mac: "a8:40:25:ff:00:01", vni: V2P_VNI };
  const change = new Map([[`v2p ${virtual}`, method === "PUT" ? sled : undefined]]);
  return sender.change(method === "PUT" ? "set v2p" : "clear v2p", change, { method, where: "/v2p", body });
}

const ruleFor = (port: number) => ({
  status: "enabled",
  direction: "inbound",
  targets: [],
  filter_ports: [String(port)],
  filter_protocols: [{ type: "tcp" }],
  action: "allow",
  priority: 100,
});
