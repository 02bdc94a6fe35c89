/**
 * Datalink ids: the host's names for links. A port needs one before it is created and gives it back
 * after it is deleted. On illumos dlmgmtd hands them out (`libdladm.ts`); beside the driver model
 * nobody else does.
 */
import { SledcastError } from "../error.ts";

export interface Datalinks {
  /** Where the ids come from, for people: a library, or this process. */
  readonly source: string;
  /** Whether something bears the name. */
  isTaken(name: string): Promise<boolean>;
  /** Makes an id for the name, as one of a port's; undefined: something bears the name already. */
  create(name: string): Promise<number | undefined>;
  /**
   * Gives back the id that bears the name, if it is one of a port's. Answers whether there was one.
   * By name and not by number: a number is another's after a reboot.
   */
  destroy(name: string): Promise<boolean>;
}

/** Ids that count up and are not reused, as dlmgmtd's. They live as long as this process. */
export class CountedDatalinks implements Datalinks {
  readonly source = "counted";
  #next = 1;
  readonly #live = new Map<string, number>();

  async isTaken(name: string): Promise<boolean> {
    return this.#live.has(name);
  }

  async create(name: string): Promise<number | undefined> {
    if (this.#live.has(name)) return undefined;
    const id = this.#next++;
    this.#live.set(name, id);
    return id;
  }

  async destroy(name: string): Promise<boolean> {
    return this.#live.delete(name);
  }

  /** Ids handed out and not given back. */
  get live(): number {
    return this.#live.size;
  }
}

/**
 * No ids are to be had, and none can be given back: ports made elsewhere can be adopted, none can be
 * made, and of one of an earlier run the id stays until a run that can reach dlmgmtd. `why`: what is missing.
 */
export function noDatalinks(why: string): Datalinks {
  const none = async (name: string): Promise<never> => {
    throw new SledcastError(
      "resource-limit",
      `no datalink id for ${name}: ${why}; ports can be made and removed with opteadm, and adopted`,
    );
  };
  return {
    source: "none",
    // Asked before anything is begun.
    isTaken: none,
    create: none,
    destroy: async (name) => {
      throw new SledcastError(
        "driver-busy",
        `the datalink id of ${name} is not given back: ${why}; start the agent where it can be`,
      );
    },
  };
}
