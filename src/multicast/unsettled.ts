/** Subscriptions of which the driver may hold something other than the books say, because an undo failed or a mapping went behind our back. */
import type { UnderlayGroup } from "../net/group.ts";

export interface Unsettled {
  readonly port: string;
  readonly underlay: UnderlayGroup;
}

export class UnsettledSubscriptions {
  readonly #ports = new Map<UnderlayGroup, Set<string>>();

  get count(): number {
    let count = 0;
    for (const ports of this.#ports.values()) count += ports.size;
    return count;
  }

  add(port: string, underlay: UnderlayGroup): void {
    const ports = this.#ports.get(underlay);
    if (ports === undefined) this.#ports.set(underlay, new Set([port]));
    else ports.add(port);
  }

  has(port: string, underlay: UnderlayGroup): boolean {
    return this.#ports.get(underlay)?.has(port) ?? false;
  }

  delete(port: string, underlay: UnderlayGroup): void {
    const ports = this.#ports.get(underlay);
    ports?.delete(port);
    if (ports?.size === 0) this.#ports.delete(underlay);
  }

  /** Answers where it was unsettled. */
  forgetPort(port: string): UnderlayGroup[] {
    const where = [...this.#ports].filter(([, ports]) => ports.has(port)).map(([underlay]) => underlay);
    for (const underlay of where) this.delete(port, underlay);
    return where;
  }

  list(): Unsettled[] {
    return [...this.#ports].flatMap(([underlay, ports]) => [...ports].map((port) => ({ port, underlay })));
  }
}
