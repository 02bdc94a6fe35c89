/** What becomes of memberships, said where it is heard: in the log, and to those who follow the events. */
import type { Tell } from "../events.ts";
import type { Log } from "../log.ts";
import type { Ip } from "../net/ip.ts";
import { sameFilter } from "../opte/filter.ts";
import type { MemberState } from "./member-state.ts";
import type { Member } from "./members.ts";
import type { MappingView } from "./view.ts";

const reasonOf = (status: MemberState) => (status.state === "applied" ? undefined : status.reason);

const sameStatus = (a: MemberState, b: MemberState) => a.state === b.state && reasonOf(a) === reasonOf(b);

export class MemberNews {
  readonly #view: MappingView;
  readonly #log: Log;
  readonly #tell: Tell;
  /** Ports that memberships need and the driver did not have when it was last told of them. */
  readonly #lost = new Set<string>();

  constructor(view: MappingView, log: Log, tell: Tell) {
    this.#view = view;
    this.#log = log;
    this.#tell = tell;
  }

  /** By request; `before` is the membership that it replaces. */
  joined(member: Member, before: Member | undefined): void {
    const { port, group, filter, status } = member;
    const fields = { ...this.#where(port, group), sources: filter.sources, state: status.state };
    const again = before !== undefined && sameFilter(before.filter, filter);
    if (again && before.status.state === status.state) this.#log.debug(fields, "member joined again");
    else this.#log.info(fields, status.state === "pending" ? "member joined, pending" : "member joined");
    if (!again || !sameStatus(before.status, status)) this.#told(member);
  }

  left(member: Member): void {
    this.#log.info(this.#where(member.port, member.group), "member left");
    this.ended(member);
  }

  /** Not by a leave: its port goes, or its join is taken back. */
  ended({ port, group, filter }: Member): void {
    this.#tell("membership", { port, group, state: "ended", sources: filter.sources });
  }

  /** A leave was taken back. */
  returned(member: Member): void {
    this.#warnIfDegraded(member);
    this.#told(member);
  }

  /** Put into effect by the start, as it was before. */
  recalled(member: Member): void {
    this.#warnIfDegraded(member);
  }

  /** By no request for it; `before` is how it was. */
  changed(member: Member, before: MemberState): void {
    const { port, group, status } = member;
    if (status.state !== before.state) {
      if (status.state === "degraded") this.#warnIfDegraded(member);
      else this.#log.info({ ...this.#where(port, group), state: status.state }, "membership changed state");
    }
    if (!sameStatus(before, status)) this.#told(member);
  }

  portLost(port: string): void {
    if (this.#lost.has(port)) return;
    this.#lost.add(port);
    this.#tell("port", { name: port, change: "gone" });
  }

  portFound(port: string): void {
    if (this.#lost.delete(port)) this.#tell("port", { name: port, change: "appeared" });
  }

  /** Nobody needs it any more. */
  portForgotten(port: string): void {
    this.#lost.delete(port);
  }

  #told({ port, group, filter, status }: Member): void {
    const { state } = status;
    this.#tell("membership", { port, group, state, sources: filter.sources, reason: reasonOf(status) });
  }

  #warnIfDegraded({ port, group, status }: Member): void {
    if (status.state !== "degraded") return;
    this.#log.warn({ port, group, error: status.reason }, "membership is not in effect; it will be retried");
  }

  #where(port: string, group: Ip) {
    return { port, group, underlay: this.#view.underlayOf(group) };
  }
}
