import { SledcastError } from "../error.ts";

/**
 * Datalink ids: the host's names for links. A port needs one before it is created and gives it
 * back after it is deleted. On illumos dlmgmtd hands them out; beside the driver model nobody
 * else does.
 */
export interface Datalinks {
  /** Makes an id for the name; a taken name is an error. */
  create(name: string): Promise<number>;
  destroy(id: number): Promise<void>;
  /** An id that was made in an earlier run and is in use still. */
  keep(id: number): void;
}

/** Ids that count up and are not reused, as dlmgmtd's. */
export class ModelDatalinks implements Datalinks {
  #next = 1;
  readonly #live = new Set<number>();

  async create(): Promise<number> {
    const id = this.#next++;
    this.#live.add(id);
    return id;
  }

  async destroy(id: number): Promise<void> {
    this.#live.delete(id);
  }

  keep(id: number): void {
    this.#live.add(id);
    this.#next = Math.max(this.#next, id + 1);
  }

  /** Ids handed out and not given back. */
  get live(): number {
    return this.#live.size;
  }
}

/** No ids are to be had: ports made elsewhere can be adopted, none can be made. */
export const NO_DATALINKS: Datalinks = {
  create: async (name) => {
    throw new SledcastError(
      "resource-limit",
      `no datalink id for ${name}: this version cannot ask dlmgmtd for one; make the port with opteadm and adopt it`,
    );
  },
  destroy: async () => {},
  keep: () => {},
};
