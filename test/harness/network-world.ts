/**
 * What the control plane says of ports' networks, as a simple reference keeps it, and the operations
 * that say it. Written from the original's port_manager.rs and instance.rs, and not from src/ports.
 */
import fc from "fast-check";
import { isKind } from "../../src/error.ts";
import { parseRegistration } from "../../src/http/parse/registration.ts";
import type { EnsureBody } from "../../src/http/schemas/vmm.ts";
import type { Ip } from "../../src/net/ip.ts";
import type { GatewayMap, RouteSetUpdate, VpcFirewallRule } from "../../src/ports/spec.ts";
import type { Uuid } from "../../src/uuid.ts";
import { cidr, ip, uuid, vniOf } from "../net/make.ts";
import { ensureBody, nic, propolis } from "./registration.ts";
import type { Sled } from "./sled.ts";

/** Three VMMs: two of one VPC in different subnets, one of another VPC. */
const VMMS = [
  { vni: 100, subnet: "10.0.0.0/24", ip: "10.0.0.5" },
  { vni: 100, subnet: "10.0.1.0/24", ip: "10.0.1.5" },
  { vni: 200, subnet: "10.0.0.0/24", ip: "10.0.0.6" },
] as const;
type Which = 0 | 1 | 2;

interface PortWorld {
  readonly ephemeral: string | undefined;
  readonly floating: readonly string[];
  readonly subnets: Readonly<Record<string, string>>;
  /** The port that its one rule is for. */
  readonly rule: number;
}

interface RouteWorld {
  readonly version: number | undefined;
  /** `dest target`. */
  readonly routes: readonly string[];
}

export interface NetworkWorld {
  readonly ports: Readonly<Partial<Record<Which, PortWorld>>>;
  readonly routes: Readonly<Record<string, RouteWorld>>;
  /** NIC id to an address. */
  readonly gateways: Readonly<Record<string, string>>;
}

export const EMPTY: NetworkWorld = { ports: {}, routes: {}, gateways: {} };

export interface NetworkOperation {
  readonly text: string;
  run(sled: Sled): Promise<unknown>;
  apply(world: NetworkWorld): NetworkWorld;
}

const IGW = uuid("22222222-0000-4000-8000-000000000001");
const ROUTER = uuid("11111111-0000-4000-8000-000000000001");
const id = (n: Which) => propolis(n + 1) as Uuid;
const nicOf = (n: Which) => nic(n + 1, { primary: true, vni: VMMS[n].vni, ip_config: ipConfig(n) });
const ipConfig = (n: Which) => ({
  type: "v4",
  value: { ip: VMMS[n].ip, subnet: VMMS[n].subnet, transit_ips: [] },
});
const routersOf = (n: Which) => [`${VMMS[n].vni}`, `${VMMS[n].vni} ${VMMS[n].subnet}`];

/** Refusals that the reference foresees: of VMMs that are not there, of what is attached already. */
async function unlessForeseen(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!["no-such-instance", "subnet-attached", "conflict"].some((kind) => isKind(error, kind as "conflict")))
      throw error;
  }
}

const change = (world: NetworkWorld, n: Which, to: (port: PortWorld) => Partial<PortWorld>): NetworkWorld => {
  const port = world.ports[n];
  return port === undefined ? world : { ...world, ports: { ...world.ports, [n]: { ...port, ...to(port) } } };
};

const which = fc.constantFrom<Which>(0, 1, 2);
const address = fc.constantFrom("192.0.2.1", "192.0.2.2", "192.0.2.3");
const network = fc.constantFrom("172.16.0.0/24", "172.17.0.0/24", "172.18.0.0/24");
const kind = fc.constantFrom("vpc", "external");

const register = fc.tuple(which, fc.integer({ min: 1, max: 9 })).map(([n, rule]): NetworkOperation => {
  const firewall = { status: "enabled", direction: "inbound", targets: [], filter_ports: [`${rule}`] };
  const rules = [{ ...firewall, filter_protocols: [{ type: "tcp" }], action: "allow", priority: 1 }];
  const body = ensureBody({ nics: [nicOf(n)], firewall_rules: rules });
  const registration = parseRegistration(body as unknown as EnsureBody, JSON.stringify(body));
  return {
    text: `register ${n} with rule ${rule}`,
    run: ({ agent }) => agent.register(id(n), registration),
    apply: (world) => {
      if (world.ports[n] !== undefined) return world;
      const fresh = routersOf(n).filter((router) => world.routes[router] === undefined);
      const port = { ephemeral: undefined, floating: [], subnets: {}, rule };
      return {
        ...world,
        ports: { ...world.ports, [n]: port },
        routes: {
          ...world.routes,
          ...Object.fromEntries(fresh.map((router) => [router, { version: undefined, routes: [] }])),
        },
      };
    },
  };
});

const unregister = which.map(
  (n): NetworkOperation => ({
    text: `unregister ${n}`,
    run: ({ agent }) => agent.unregister(id(n)),
    apply: (world) => {
      const { [n]: _, ...ports } = world.ports;
      const used = Object.keys(ports).flatMap((other) => routersOf(Number(other) as Which));
      const routes = Object.fromEntries(Object.entries(world.routes).filter(([router]) => used.includes(router)));
      return { ...world, ports, routes };
    },
  }),
);

const attachIp = fc.tuple(which, fc.constantFrom("ephemeral", "floating"), address).map(
  ([n, as, text]): NetworkOperation => ({
    text: `attach ${as} ${text} to ${n}`,
    run: ({ agent }) => unlessForeseen(() => agent.network.attachExternalIp(id(n), { kind: as, ip: ip(text) })),
    apply: (world) =>
      change(world, n, ({ ephemeral = text, floating }) =>
        as === "ephemeral" ? { ephemeral } : { floating: [...new Set([...floating, text])] },
      ),
  }),
);

const detachIp = fc.tuple(which, fc.constantFrom("ephemeral", "floating"), address).map(
  ([n, as, text]): NetworkOperation => ({
    text: `detach ${as} ${text} from ${n}`,
    run: ({ agent }) => unlessForeseen(() => agent.network.detachExternalIp(id(n), { kind: as, ip: ip(text) })),
    apply: (world) =>
      change(world, n, ({ ephemeral, floating }) =>
        as === "ephemeral"
          ? { ephemeral: ephemeral === text ? undefined : ephemeral }
          : { floating: floating.filter((other) => other !== text) },
      ),
  }),
);

const replaceSubnets = fc.tuple(which, fc.dictionary(network, kind)).map(
  ([n, subnets]): NetworkOperation => ({
    text: `replace the subnets of ${n} by ${JSON.stringify(subnets)}`,
    run: ({ agent }) => {
      const list = Object.entries(subnets).map(([subnet, as]) => ({ subnet: cidr(subnet), kind: as as "vpc" }));
      return unlessForeseen(() => agent.network.replaceAttachedSubnets(id(n), list));
    },
    apply: (world) => change(world, n, () => ({ subnets: { ...subnets } })),
  }),
);

const attachSubnet = fc.tuple(which, network, kind).map(
  ([n, subnet, as]): NetworkOperation => ({
    text: `attach ${as} ${subnet} to ${n}`,
    run: ({ agent }) =>
      unlessForeseen(() => agent.network.attachSubnet(id(n), { subnet: cidr(subnet), kind: as as "vpc" })),
    apply: (world) => change(world, n, ({ subnets }) => ({ subnets: { [subnet]: as, ...subnets } })),
  }),
);

const detachSubnet = fc.tuple(which, network).map(
  ([n, subnet]): NetworkOperation => ({
    text: `detach ${subnet} from ${n}`,
    run: ({ agent }) => unlessForeseen(() => agent.network.detachSubnet(id(n), cidr(subnet))),
    apply: (world) => change(world, n, ({ subnets: { [subnet]: _, ...subnets } }) => ({ subnets })),
  }),
);

const setFirewall = fc
  .tuple(fc.constantFrom(100, 200), fc.integer({ min: 1, max: 9 }))
  .map(([vni, rule]): NetworkOperation => {
    const one: VpcFirewallRule = {
      enabled: true,
      direction: "in",
      targets: [],
      hosts: [],
      ports: [{ first: rule, last: rule }],
      protocols: [{ type: "tcp" }],
      action: "allow",
      priority: 1,
    };
    return {
      text: `set the firewall of ${vni} to ${rule}`,
      run: ({ agent }) => agent.network.setFirewallRules(vniOf(vni), [one]),
      apply: (world) =>
        ([0, 1, 2] as const)
          .filter((n) => VMMS[n].vni === vni)
          .reduce((so, n) => change(so, n, () => ({ rule })), world),
    };
  });

const router = fc.constantFrom("100", "100 10.0.0.0/24", "100 10.0.1.0/24", "200", "200 10.0.0.0/24");
const routeText = fc
  .tuple(fc.constantFrom("0.0.0.0/0", "10.9.0.0/16"), fc.constantFrom("drop", "internet-gateway"))
  .map((parts) => parts.join(" "));
const routeSet = fc.tuple(
  router,
  fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  fc.uniqueArray(routeText, { selector: (text) => text.split(" ")[0] }),
);

const setRoutes = fc
  .uniqueArray(routeSet, { minLength: 1, maxLength: 3, selector: ([key]) => key })
  .map((sets): NetworkOperation => {
    const updates = sets.map(([key, version, routes]): RouteSetUpdate => {
      const [vni, subnet] = key.split(" ");
      return {
        id: { vni: vniOf(Number(vni)), subnet: subnet === undefined ? undefined : cidr(subnet) },
        version: version === undefined ? undefined : { routerId: ROUTER, version: BigInt(version) },
        routes: routes.map((text) => {
          const [dest = "", target] = text.split(" ");
          return {
            dest: cidr(dest),
            target: target === "drop" ? { type: "drop" } : { type: "internet-gateway", id: IGW },
          };
        }),
      };
    });
    return {
      text: `set routes ${JSON.stringify(sets)}`,
      run: ({ agent }) => agent.network.setRoutes(updates),
      apply: (world) => {
        const routes = { ...world.routes };
        for (const [key, version, list] of sets) {
          const old = routes[key];
          const isOld = old?.version !== undefined && version !== undefined && version <= old.version;
          if (old !== undefined && !isOld) routes[key] = { version, routes: list };
        }
        return { ...world, routes };
      },
    };
  });

const setGateways = fc.dictionary(fc.constantFrom("0", "1", "2"), address).map((mapped): NetworkOperation => {
  const nics = Object.entries(mapped).map(([n, text]) => [nicOf(Number(n) as Which).id, text] as const);
  const gateways: GatewayMap = new Map(
    nics.map(([one, text]) => [one as Uuid, new Map<Ip, readonly Uuid[]>([[ip(text), [IGW]]])]),
  );
  return {
    text: `set gateways ${JSON.stringify(mapped)}`,
    run: ({ agent }) => agent.network.setGateways(gateways),
    apply: (world) => ({ ...world, gateways: Object.fromEntries(nics) }),
  };
});

export const networkOperation: fc.Arbitrary<NetworkOperation> = fc.oneof(
  { arbitrary: register, weight: 4 },
  { arbitrary: unregister, weight: 1 },
  attachIp,
  detachIp,
  replaceSubnets,
  attachSubnet,
  detachSubnet,
  { arbitrary: setFirewall, weight: 2 },
  { arbitrary: setRoutes, weight: 4 },
  setGateways,
);

/** What the driver should have, a line each. */
export function expectedNetwork(world: NetworkWorld): string[] {
  const lines = Object.entries(world.ports).flatMap(([key, port]) => {
    const n = Number(key) as Which;
    const name = nicOf(n).mac;
    const routes = routersOf(n).flatMap((one) =>
      (world.routes[one]?.routes ?? []).map(
        (text) => `${name} route ${one.includes(" ") ? "custom" : "system"} ${text}`,
      ),
    );
    const gateway = world.gateways[nicOf(n).id];
    return [
      `${name} external ${port.ephemeral} ${port.floating.join(",")}`,
      `${name} gateways ${gateway ?? ""}`,
      `${name} rules ${port.rule}`,
      ...Object.entries(port.subnets).map(([subnet, as]) => `${name} subnet ${subnet} ${as}`),
      ...routes,
    ];
  });
  const versions = Object.entries(world.routes).map(([key, { version }]) => `router ${key} ${version}`);
  return [...lines, ...versions].sort();
}

/** What the driver has, and the versions that the agent tells. */
export function observedNetwork({ model, agent }: Sled): string[] {
  const lines = model.tables.ports.flatMap(({ create, externalIps, attachedSubnets, firewall, routes }) => {
    const name = create.cfg.guestMac;
    const gateways = externalIps.internetGateways?.map(([one]) => one) ?? [];
    return [
      `${name} external ${externalIps.v4?.ephemeralIp} ${(externalIps.v4?.floatingIps ?? []).join(",")}`,
      `${name} gateways ${gateways.join(",")}`,
      `${name} rules ${firewall.map(({ ports }) => String(ports)).join(";")}`,
      ...attachedSubnets.map(
        ([subnet, { isExternal }]) => `${name} subnet ${subnet} ${isExternal ? "external" : "vpc"}`,
      ),
      ...routes.map(({ dest, target, class: of }) => `${name} route ${of} ${dest} ${target.type}`),
    ];
  });
  const versions = agent.network
    .listRoutes()
    .map(({ id: { vni, subnet }, version }) => `router ${vni}${subnet ? ` ${subnet}` : ""} ${version?.version}`);
  return [...lines, ...versions].sort();
}
