/**
 * Changes of what is set on ports. A change can take many commands, and not each that fails can be
 * taken back; and the agent can end in the middle. So what a change touches is in the ledger from
 * before its first command until it is done or taken back whole. What is neither is half done: it is
 * listed, and brought to what the books say when the driver takes it again.
 */
import { messageOf } from "../error.ts";
import { inTurns, Share } from "../host/turns.ts";
import type { Ledger, LedgerChange } from "../intent/ledger.ts";
import { type Undo, withUndo } from "../intent/undo.ts";
import type { Cidr } from "../net/cidr.ts";
import { isOpte, mayHaveTakenEffect } from "../opte/error.ts";

/** Something that is set on a port, of which the driver can have another than the books. */
export type Setting = { readonly port: string } & (
  | { readonly of: "external addresses" | "firewall rules" }
  | { readonly of: "attached subnet" | "routes to"; readonly cidr: Cidr }
);

export interface HalfDoneThing {
  readonly setting: Setting;
  readonly reason: string;
}

/** A command of a change, and what it sets. */
export type Step = <T>(setting: Setting, command: () => Promise<T>) => Promise<T>;

/** Brings the driver to what the books say at the time it is called. */
export type Mend = (setting: Setting) => Promise<unknown>;

const PREFIX = "half-done ";
/** Settings in a record: a change can touch as many as a VPC has ports times its routes. */
const A_RECORD = 1000;
const INTERRUPTED = "the agent ended while it was being changed";

/** For people, and as its key. */
export function settingText(setting: Setting): string {
  return "cidr" in setting ? `${setting.of} ${setting.cidr}` : setting.of;
}

const keyOf = (setting: Setting) => `${setting.port} ${settingText(setting)}`;
const endOf = (setting: Setting): LedgerChange => ({ key: PREFIX + keyOf(setting), value: undefined });

function inRecords(settings: readonly Setting[]): Setting[][] {
  const records = Math.ceil(settings.length / A_RECORD);
  return Array.from({ length: records }, (_, at) => settings.slice(at * A_RECORD, (at + 1) * A_RECORD));
}

export class HalfDone {
  readonly #ledger: Ledger;
  readonly #mend: Mend;
  readonly #things: Map<string, HalfDoneThing>;
  readonly #share = new Share();

  constructor(ledger: Ledger, mend: Mend) {
    this.#ledger = ledger;
    this.#mend = mend;
    const kept = [...ledger.entries(PREFIX)].map(([, setting]) => setting as Setting);
    this.#things = new Map(kept.map((setting) => [keyOf(setting), { setting, reason: INTERRUPTED }]));
  }

  get size(): number {
    return this.#things.size;
  }

  get things(): readonly HalfDoneThing[] {
    return [...this.#things.values()];
  }

  /**
   * A change of these settings, whose steps the body takes; it answers what is recorded when they are
   * taken. When this resolves it is in the driver and in the ledger; when it rejects, in neither, but for
   * what is half done.
   */
  async change(settings: readonly Setting[], body: (step: Step) => Promise<readonly LedgerChange[]>): Promise<void> {
    const begun: Setting[] = [];
    const records = inRecords(settings);
    const [first = [], ...rest] = records;
    try {
      for (const some of records) {
        await this.#ledger.record(some.map((value) => ({ ...endOf(value), value })));
        begun.push(...some);
      }
      await withUndo(async (undo) => {
        const changes = await body(this.#stepper(undo));
        await this.#ledger.record([...changes, ...first.map(endOf)]);
      });
    } catch (error) {
      await inTurns(begun, (setting) => {
        if (!this.#things.has(keyOf(setting))) this.#ledger.note([endOf(setting)]);
      });
      throw error;
    }
    // It is done. A start that finds what is not ended of it sends it once more.
    for (const some of rest) {
      const ends = some.map(endOf);
      await this.#ledger.record(ends).catch(() => this.#ledger.note(ends));
    }
    await inTurns(settings, (setting) => this.#things.delete(keyOf(setting)));
  }

  /** A setting whose first command was refused before it did anything needs no way back; one way back is enough for all of them. */
  #stepper(undo: Undo): Step {
    const touched = new Set<string>();
    const share = new Share();
    const touch = (setting: Setting) => {
      if (touched.has(keyOf(setting))) return;
      touched.add(keyOf(setting));
      undo(() => this.#takeBack(setting));
    };
    return async (setting, command) => {
      try {
        const answer = await command();
        touch(setting);
        await share.spent();
        return answer;
      } catch (error) {
        if (mayHaveTakenEffect(error)) touch(setting);
        throw error;
      }
    };
  }

  /** The books have not changed yet. */
  async #takeBack(setting: Setting): Promise<void> {
    try {
      await this.#mend(setting);
      this.#things.delete(keyOf(setting));
      await this.#share.spent();
    } catch (error) {
      // With the port went what was set on it.
      if (isOpte(error, "PortNotFound")) return;
      this.#things.set(keyOf(setting), { setting, reason: messageOf(error) });
      throw error;
    }
  }

  /** Somebody else did something to the port: these are sent again by the repair. */
  async suspect(settings: readonly Setting[], reason: string): Promise<void> {
    await this.#ledger.record(settings.map((value) => ({ ...endOf(value), value })));
    for (const setting of settings) this.#things.set(keyOf(setting), { setting, reason });
  }

  /** The port is gone, and what was half done on it. */
  forget(port: string): void {
    for (const { setting } of this.things) if (setting.port === port) this.#done(setting);
  }

  /** Those of ports that are not ours any more. */
  forgetAllBut(isOurs: (port: string) => boolean): void {
    for (const { setting } of this.things) if (!isOurs(setting.port)) this.#done(setting);
  }

  /** Never throws; what stays half done stays listed. */
  async repair(): Promise<void> {
    for (const { setting } of this.things) {
      try {
        await this.#takeBack(setting);
        this.#done(setting);
      } catch {
        // It is listed with its reason.
      }
    }
  }

  #done(setting: Setting): void {
    this.#things.delete(keyOf(setting));
    this.#ledger.note([endOf(setting)]);
  }
}
