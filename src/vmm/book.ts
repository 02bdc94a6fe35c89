/** Which VMMs there are, and whose a port is. Pure bookkeeping. */
import { SledcastError } from "../error.ts";
import type { Uuid } from "../uuid.ts";
import type { Vmm } from "./vmm.ts";

export class VmmBook {
  readonly #vmms = new Map<Uuid, Vmm>();
  readonly #owners = new Map<string, Uuid>();

  get size(): number {
    return this.#vmms.size;
  }

  get(id: Uuid): Vmm | undefined {
    return this.#vmms.get(id);
  }

  all(): Iterable<Vmm> {
    return this.#vmms.values();
  }

  /** By propolis id. */
  list(): Vmm[] {
    return [...this.#vmms.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Also of a VMM whose registration or adoption is under way. */
  ownerIdOf(port: string): Uuid | undefined {
    return this.#owners.get(port);
  }

  ownerOf(port: string): Vmm | undefined {
    const id = this.#owners.get(port);
    return id === undefined ? undefined : this.#vmms.get(id);
  }

  require(id: Uuid): Vmm {
    const vmm = this.#vmms.get(id);
    if (vmm === undefined) throw new SledcastError("no-such-instance", `no VMM ${id} on this sled`);
    return vmm;
  }

  put(vmm: Vmm): void {
    this.#vmms.set(vmm.id, vmm);
    for (const { name } of vmm.ports) this.#owners.set(name, vmm.id);
  }

  /** Its ports are given up one by one. */
  remove(id: Uuid): void {
    this.#vmms.delete(id);
  }

  /** The VMM is not there yet, and the port is to be nobody else's meanwhile. */
  own(port: string, id: Uuid): void {
    this.#owners.set(port, id);
  }

  disown(port: string): void {
    this.#owners.delete(port);
  }
}
