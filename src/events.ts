/**
 * What changed, in the order in which it became true: the last few thousand changes, numbered, for
 * those who follow this sled as it lives. What is there already when the agent starts is no change.
 */
import type { UnderlayGroup } from "./net/group.ts";
import type { Ip, Ipv6 } from "./net/ip.ts";

/** Who brought a change: this agent, as it was asked to; or others, in the driver, where it was found. */
type By = "agent" | "others";

interface EventHop {
  readonly next_hop: Ipv6;
  readonly replication: string;
  readonly filter: { readonly mode: "include" | "exclude"; readonly sources: readonly Ip[] };
}

/** What each kind of event says, in the words of the HTTP API. */
export interface EventData {
  /** The group travels in `underlay` from now on, in none with null. */
  readonly mapping: {
    readonly group: Ip;
    readonly underlay: UnderlayGroup | null;
    readonly before: UnderlayGroup | null;
    readonly by: By;
  };
  /** All hops of the entry as it is from now on; null: it is gone. */
  readonly forwarding: {
    readonly underlay: UnderlayGroup;
    readonly next_hops: readonly EventHop[] | null;
    readonly by: By;
  };
  readonly membership: {
    /** Null for a VMM without a primary port. */
    readonly port: string | null;
    readonly group: Ip;
    readonly propolis_id?: string | undefined;
    readonly state: "applied" | "pending" | "degraded" | "ended";
    readonly sources: readonly Ip[];
    readonly reason?: string | undefined;
  };
  /** Of the NICs. From `joined` or a first `degraded` to `left` the underlay group is held. */
  readonly filter: {
    /** Null: `groups` of them at once, as when a NIC goes. */
    readonly underlay: UnderlayGroup | null;
    readonly change: "joined" | "left" | "degraded" | "mended";
    readonly groups?: number;
    readonly reason?: string | undefined;
  };
  readonly port: {
    readonly name: string;
    /** `busy`: it is to be deleted, and cannot be yet. `gone`, `appeared`: of those that memberships need, by others' doing. */
    readonly change: "created" | "deleted" | "busy" | "adopted" | "released" | "gone" | "appeared";
    readonly propolis_id?: string | undefined;
  };
  /** What an audit found different from what should be. */
  readonly drift: {
    readonly what: string;
    readonly subject: Readonly<Record<string, string | undefined>>;
    readonly repaired: boolean;
    readonly error?: string | undefined;
  };
}

export type EventKind = keyof EventData;

export const EVENT_KINDS = [
  "mapping",
  "forwarding",
  "membership",
  "filter",
  "port",
  "drift",
] as const satisfies readonly EventKind[];

/** Says that something became true. Never throws, and costs next to nothing. */
export type Tell = <K extends EventKind>(kind: K, data: EventData[K]) => void;

export const TELL_NOBODY: Tell = () => {};

export class SledEvent {
  readonly id: number;
  readonly kind: EventKind;
  readonly #time = Date.now();
  readonly #data: EventData[EventKind];
  #json: string | undefined;

  constructor(id: number, kind: EventKind, data: EventData[EventKind]) {
    this.id = id;
    this.kind = kind;
    this.#data = data;
  }

  /** Made once, when the first one reads it. */
  get json(): string {
    this.#json ??= JSON.stringify({ time: new Date(this.#time).toISOString(), ...this.#data });
    return this.#json;
  }
}

const KEPT = 8192;

export class EventLog {
  readonly #ring: (SledEvent | undefined)[];
  /** Numbers follow each other and grow over restarts: a process begins at its time, in microseconds. */
  #last = Date.now() * 1000;
  #first = this.#last + 1;
  #begun = false;
  readonly #listeners = new Set<() => void>();
  /** Events since the listeners were last told. */
  #untold = 0;

  constructor(kept = KEPT) {
    this.#ring = new Array(kept);
  }

  /** The newest event's number; before the first event, the number before its. */
  get last(): number {
    return this.#last;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /**
   * The sled is known: from here on changes are told. Who listens since before may have read lists
   * that were not whole, so a number is left out, which nobody can resume across.
   */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#last++;
    this.#first = this.#last + 1;
    this.#wakeSoon();
  }

  readonly tell: Tell = (kind, data) => {
    if (!this.#begun) return;
    const id = ++this.#last;
    this.#ring[id % this.#ring.length] = new SledEvent(id, kind, data);
    this.#wakeSoon();
  };

  /** What came after that number, at most so many; undefined: that is not to be had any more, or never was. */
  since(id: number, most = Number.POSITIVE_INFINITY): SledEvent[] | undefined {
    if (id > this.#last || id < Math.max(this.#first, this.#last - this.#ring.length + 1) - 1) return undefined;
    const events: SledEvent[] = [];
    for (let next = id + 1; next <= this.#last && events.length < most; next++) {
      events.push(this.#ring[next % this.#ring.length] as SledEvent);
    }
    return events;
  }

  /** `listener` is called soon after there is something new. Answers how to end that. */
  subscribe(listener: () => void): () => void {
    // Its own function, so that the same one may listen twice.
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #wakeSoon(): void {
    if (this.#listeners.size === 0) return;
    if (this.#untold++ === 0) setImmediate(() => this.#wake());
    // An operation on thousands of groups may not come back to the event loop before the ring is round.
    else if (this.#untold === this.#ring.length >> 1) this.#wake();
  }

  #wake(): void {
    if (this.#untold === 0) return;
    this.#untold = 0;
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch {
        // Its own affair: the change is true all the same.
      }
    }
  }
}
