/**
 * The lab's network: a namespace with two bridges, and a namespace for each sled with a link to
 * either. A link ends in a veth, which takes every frame; the macvlan on it has the filter that a
 * real NIC has, and is the sled's underlay NIC.
 */
import { inNamespace, ipBatch, run } from "./run.ts";

export interface Nic {
  readonly name: string;
  /** The veth below it: what is seen there has come over the wire, whether the NIC takes it or not. */
  readonly wire: string;
  readonly mac: string;
}

const BRIDGES = ["br0", "br1"] as const;

/**
 * In hundredths of a second. A leave is in force after 1 s (last-member count × interval), a lost
 * one after 10.5 s (the usual sum of two query intervals and a response). A bridge has 4,096 groups
 * if left alone, and switches snooping off without a word when there are more.
 */
const BRIDGE_OPTIONS = [
  "mcast_snooping 1 mcast_mld_version 2 mcast_hash_max 65536",
  "mcast_startup_query_interval 25 mcast_query_interval 500 mcast_query_response_interval 50",
  "mcast_last_member_interval 50 mcast_last_member_count 2 mcast_membership_interval 1050",
].join(" ");

/** Without duplicate address detection a link-local address can be used at once. */
const NO_DAD = "for k in all default; do echo 0 > /proc/sys/net/ipv6/conf/$k/accept_dad; done";

const hexByte = (value: number) => value.toString(16).padStart(2, "0");

/** A NIC has the same MAC each time it is made. */
export function nicsOf(sled: number): readonly Nic[] {
  return BRIDGES.map((_, n) => ({
    name: `u${n}`,
    wire: `v${n}`,
    mac: `02:5e:d0:${hexByte(sled >> 8)}:${hexByte(sled & 255)}:${hexByte(n)}`,
  }));
}

export class LabNetwork {
  readonly #fabric: string;
  readonly #id: string;

  constructor(id: string) {
    this.#id = id;
    this.#fabric = `${id}-fabric`;
  }

  /**
   * From a response interval after this on the bridges forward to members only; before, they flood.
   * The interval that counts is the one set when querying begins, so that comes last.
   */
  async beginQuerying(): Promise<void> {
    await ipBatch(
      this.#fabric,
      BRIDGES.map((bridge) => `link set ${bridge} type bridge mcast_querier 1`),
    );
  }

  namespaceOf(sled: number): string {
    return `${this.#id}-${sled}`;
  }

  async build(sleds: readonly number[]): Promise<void> {
    await run("ip", ["netns", "add", this.#fabric]);
    await inNamespace(this.#fabric, NO_DAD);
    await ipBatch(
      this.#fabric,
      BRIDGES.flatMap((bridge) => [`link add ${bridge} type bridge ${BRIDGE_OPTIONS}`, `link set ${bridge} up`]),
    );
    for (const sled of sleds) await this.#connect(sled);
  }

  async #connect(sled: number): Promise<void> {
    const namespace = this.namespaceOf(sled);
    await run("ip", ["netns", "add", namespace]);
    await inNamespace(namespace, NO_DAD);
    const nics = nicsOf(sled);
    await ipBatch(
      this.#fabric,
      nics.flatMap(({ wire }, n) => [
        `link add s${sled}-${n} type veth peer name ${wire} netns ${namespace}`,
        `link set s${sled}-${n} master ${BRIDGES[n]} up`,
      ]),
    );
    await ipBatch(namespace, [
      "link set lo up",
      // The wire itself has no address, so it reports no memberships of its own.
      ...nics.flatMap(({ wire }) => [`link set ${wire} addrgenmode none`, `link set ${wire} up`]),
      ...nics.flatMap(commandsToMake),
    ]);
  }

  async makeNic(sled: number, nic: Nic): Promise<void> {
    await ipBatch(this.namespaceOf(sled), commandsToMake(nic));
  }

  async deleteNic(sled: number, nic: Nic): Promise<void> {
    await ipBatch(this.namespaceOf(sled), [`link delete ${nic.name}`]);
  }

  /** A bridge that had too many groups has switched it off, and floods: whatever arrives then proves nothing. */
  async assertSnooping(): Promise<void> {
    for (const bridge of BRIDGES) {
      const path = `/sys/class/net/${bridge}/bridge/multicast_snooping`;
      const now = (await inNamespace(this.#fabric, `cat ${path}`)).trim();
      if (now !== "1") throw new Error(`${this.#fabric}: ${bridge} does not snoop any more (mcast_snooping ${now})`);
    }
  }
}

/**
 * A macvlan hands multicast frames on through a queue, of 1,000 frames if left alone: on a busy machine it overflows,
 * which would look as if the filter had been closed for a while.
 */
const MACVLAN = "type macvlan mode vepa bcqueuelen 65536";

/** In the words of ip(8). */
export function commandsToMake({ name, wire, mac }: Nic): string[] {
  return [`link add link ${wire} name ${name} address ${mac} ${MACVLAN}`, `link set ${name} up`];
}
