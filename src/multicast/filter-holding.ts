/**
 * What makes an overlay group hold the NIC filter of its underlay group.
 *
 * `mapped`: its mapping does, as in the original. `subscribed`: a mapped group holds it only while
 * a port on this sled subscribes, which spares the NIC's few filter slots and the traffic that
 * nobody here wants (sending never needs the filter). The driver keys subscriptions by underlay
 * group, so a port of somebody else's holds it for every group mapped there: which of them it
 * joined cannot be told.
 */
import type { UnderlayGroup } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import type { M2pMapping, SubscriptionEntry } from "../opte/types.ts";
import type { MulticastFilterMap } from "./filter-map.ts";
import type { MemberState } from "./member-state.ts";
import type { Members } from "./members.ts";
import type { MappingView } from "./view.ts";

export type JoinPolicy = "mapped" | "subscribed";

export class FilterHolding {
  readonly policy: JoinPolicy;
  readonly #filters: MulticastFilterMap;
  readonly #members: Members;
  readonly #view: MappingView;
  readonly #isOurs: (port: string) => boolean;
  /** Underlay groups that ports of others subscribe to, as last seen. */
  readonly #foreign = new Set<UnderlayGroup>();

  constructor(
    policy: JoinPolicy,
    filters: MulticastFilterMap,
    members: Members,
    view: MappingView,
    isOurs: (port: string) => boolean,
  ) {
    this.policy = policy;
    this.#filters = filters;
    this.#members = members;
    this.#view = view;
    this.#isOurs = isOurs;
  }

  /** Whether the group, once mapped to the underlay, holds its filter before any member is woken. */
  wants(group: Ip, underlay: UnderlayGroup): boolean {
    if (this.policy === "mapped" || this.#foreign.has(underlay)) return true;
    return this.#hasMember(group, ["applied"]);
  }

  /**
   * Before a member subscribes. Throws what a NIC refused, unless the group holds the filter already:
   * then it is joined where it can be, and a NIC that is missing does not keep the others from serving.
   */
  async beforeMember(group: Ip, underlay: UnderlayGroup): Promise<void> {
    if (this.policy === "mapped") return;
    if (this.#filters.holds(underlay, group)) await this.#filters.holdAgain(group, underlay);
    else await this.#filters.acquire(underlay, group);
  }

  /** Before a member is put back that was there until now: the filter is held again as far as the NICs let it. */
  async beforeReturn(group: Ip, underlay: UnderlayGroup): Promise<void> {
    if (this.policy === "subscribed") await this.#filters.holdAgain(group, underlay);
  }

  /** After subscriptions on the underlay were settled: groups there that no member is left of let the filter go. */
  async afterSettling(underlay: UnderlayGroup): Promise<void> {
    if (this.policy === "mapped") return;
    for (const group of [...this.#view.groupsOn(underlay)]) await this.afterMember(group, underlay);
  }

  /** After a member of the group left, or waits again: the last one lets the filter go. */
  async afterMember(group: Ip, underlay: UnderlayGroup): Promise<void> {
    if (this.policy === "mapped" || this.#foreign.has(underlay)) return;
    // A degraded one is retried, and its subscription may be in the driver.
    if (!this.#hasMember(group, ["applied", "degraded"])) await this.#filters.release(underlay, group);
  }

  /** Mappings that exist already: those that want their filter hold it, joined or not. */
  hold(mappings: readonly M2pMapping[]): Promise<void> {
    return this.#filters.hold(mappings.filter(({ group, underlay }) => this.wants(group, underlay)));
  }

  /** The underlay groups that others began or ceased to subscribe to. */
  changesIn(subscriptions: readonly SubscriptionEntry[]): readonly UnderlayGroup[] {
    if (this.policy === "mapped") return [];
    const now = this.#foreignIn(subscriptions);
    const begun = [...now].filter((underlay) => !this.#foreign.has(underlay));
    return [...begun, ...[...this.#foreign].filter((underlay) => !now.has(underlay))];
  }

  /** Takes them up: filters follow them. */
  async follow(subscriptions: readonly SubscriptionEntry[]): Promise<void> {
    const now = this.#foreignIn(subscriptions);
    for (const underlay of this.changesIn(subscriptions)) {
      const mappings = [...this.#view.groupsOn(underlay)].map((group) => ({ group, underlay }));
      if (now.has(underlay)) {
        await this.#filters.hold(mappings);
        // Not before: what could not be held is a change still, and is seen to by the next audit.
        this.#foreign.add(underlay);
      } else {
        this.#foreign.delete(underlay);
        for (const { group } of mappings) await this.afterMember(group, underlay);
      }
    }
    this.#filters.sayWhatFailed();
  }

  #foreignIn(subscriptions: readonly SubscriptionEntry[]): Set<UnderlayGroup> {
    const theirs = subscriptions.filter(({ subscribers }) => subscribers.some(({ port }) => !this.#isOurs(port)));
    return new Set(theirs.map(({ underlay }) => underlay));
  }

  #hasMember(group: Ip, states: readonly MemberState["state"][]): boolean {
    for (const { status } of this.#members.ofGroup(group).values()) if (states.includes(status.state)) return true;
    return false;
  }
}
