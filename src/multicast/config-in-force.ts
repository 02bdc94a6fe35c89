/**
 * The declared configuration in force, if any: kept in the ledger, brought into effect by the
 * difference to what the driver holds, and held against it by the audit. What fails is kept and
 * tried again; each entry has its own result.
 */
import { messageOf, SledcastError } from "../error.ts";
import { Share } from "../host/turns.ts";
import type { Ledger } from "../intent/ledger.ts";
import { type Log, quieted } from "../log.ts";
import { type Parts, type Step, type StepEntry, stepsTo, subjectOf } from "./convergence.ts";
import { DeclaredConfig, type DeclaredContent } from "./declared.ts";
import type { Flows } from "./flows.ts";
import type { Forwarding } from "./forwarding.ts";
import type { Mappings } from "./mappings.ts";
import type { MappingView } from "./view.ts";

export type FailedEntry = StepEntry & {
  /** What was to be done with it. */
  readonly action: "set" | "clear";
  readonly error: string;
};

export interface ConfigOutcome {
  readonly generation: number;
  /** Mappings and forwarding entries of the configuration that are in effect. */
  readonly applied: number;
  readonly failed: readonly FailedEntry[];
}

const KEY = "config";
/** Steps that have a line of the log each; how many there were is in the one at the end. */
const LOGGED = 100;

export class ConfigInForce {
  readonly #ledger: Ledger;
  readonly #view: MappingView;
  readonly #mappings: Mappings;
  readonly #forwarding: Forwarding;
  readonly #flows: Flows;
  readonly #log: Log;
  #config: DeclaredConfig | undefined;
  readonly #failed = new Map<string, FailedEntry>();
  /** Where the books were last found to be as a configuration says: looked at once, not at every audit. */
  readonly #agreed = new Map<StepEntry["thing"], { readonly config: DeclaredConfig; readonly version: number }>();
  /** The last warning of them: a retry that ends the same way is no news. */
  #said = "";

  constructor(ledger: Ledger, view: MappingView, mappings: Mappings, forwarding: Forwarding, flows: Flows, log: Log) {
    this.#ledger = ledger;
    this.#view = view;
    this.#mappings = mappings;
    this.#forwarding = forwarding;
    this.#flows = flows;
    this.#log = log;
    const kept = ledger.get(KEY) as (DeclaredContent & { readonly generation: number }) | undefined;
    if (kept !== undefined) this.#config = new DeclaredConfig(kept.generation, kept);
  }

  get current(): DeclaredConfig | undefined {
    return this.#config;
  }

  require(): DeclaredConfig {
    if (this.#config === undefined) throw new SledcastError("not-found", "no configuration is in force");
    return this.#config;
  }

  /** Single entries are not to be changed while a configuration says what all of them are. */
  refuseSingleChange(): void {
    if (this.#config === undefined) return;
    throw new SledcastError(
      "managed-by-config",
      `the configuration of generation ${this.#config.generation} is in force; change it with PUT /multicast/config, or give it up with DELETE /multicast/config`,
    );
  }

  /** What could not be done, and is tried again. */
  get failed(): readonly FailedEntry[] {
    return [...this.#failed.values()];
  }

  get brokenCount(): number {
    return this.#failed.size;
  }

  get outcome(): ConfigOutcome {
    const config = this.require();
    const failed = this.failed;
    const notInEffect = failed.filter(({ action }) => action === "set").length;
    return { generation: config.generation, applied: config.size - notInEffect, failed };
  }

  /**
   * Puts the configuration in force and into effect. The driver is asked first: with it away nothing
   * is recorded. From the record on it is decided, and the next start goes on where a crash left off.
   */
  async put(config: DeclaredConfig): Promise<ConfigOutcome> {
    const { generation } = config;
    if (this.#isInForce(config)) {
      if (this.#failed.size > 0) await this.#retry();
      return this.outcome;
    }
    await this.#look();
    const { m2p, forwarding } = config.content;
    await this.#ledger.record([{ key: KEY, value: { generation, m2p, forwarding } }]);
    this.#config = config;
    const steps = await this.converge();
    const outcome = this.outcome;
    this.#log.info({ generation, steps, failed: outcome.failed.length }, "configuration in force");
    return outcome;
  }

  /** Gives control back: the driver stays as it is. */
  async release(): Promise<void> {
    const config = this.#config;
    if (config === undefined) return;
    await this.#ledger.record([{ key: KEY, value: undefined }]);
    this.#config = undefined;
    this.#failed.clear();
    this.#log.info({ generation: config.generation }, "configuration released; the driver stays as it is");
  }

  /**
   * From what was last seen of the driver to the configuration. Never throws for an entry's sake:
   * what fails is kept. Answers how many steps it took.
   */
  async converge(): Promise<number> {
    if (this.#config === undefined) return 0;
    const steps = await stepsTo(this.#config, this.#parts);
    this.#forgetAllBut(steps);
    await this.#flows.clearOnceAfter(() => this.#takeAll(steps));
    if (this.#failed.size > 0) this.#sayWhatFailed();
    else this.#said = "";
    return steps.length;
  }

  async #takeAll(steps: readonly Step[]): Promise<void> {
    const share = new Share();
    const quiet = quieted(this.#log);
    let away: SledcastError | undefined;
    for (const [n, step] of steps.entries()) {
      // A driver that went away would be waited for once an entry.
      const error = away ?? (await this.#attempt(step, n < LOGGED ? this.#log : quiet));
      if (error !== undefined) this.#fail(step, error);
      if (error instanceof SledcastError && error.kind === "driver-unavailable") away = error;
      await share.spent();
    }
  }

  /**
   * Where the driver's table of those differs from the configuration, without what is known to have
   * failed. A mapping that others changed is not taken up first: NIC filters and members would
   * follow it away and back.
   */
  async drift(thing: StepEntry["thing"]): Promise<readonly Step[]> {
    const config = this.#config;
    if (config === undefined) return [];
    const seen = await this.#seen(thing);
    const last = this.#agreed.get(thing);
    if (seen.version !== undefined && last?.config === config && last.version === seen.version) return [];
    const steps = await stepsTo(config, seen.parts, thing);
    if (seen.version !== undefined && steps.length === 0) this.#agreed.set(thing, { config, version: seen.version });
    return steps.filter((step) => !this.#failed.has(keyOf(step)));
  }

  /** The driver's table as it is; of one that is as the books say, which version of them. */
  async #seen(thing: StepEntry["thing"]): Promise<{ readonly parts: Parts; readonly version: number | undefined }> {
    if (thing === "forwarding") {
      await this.#forwarding.refresh();
      return { parts: this.#parts, version: this.#forwarding.view.version };
    }
    const view = await this.#mappings.seen();
    return { parts: { ...this.#parts, view }, version: view === this.#view ? this.#view.version : undefined };
  }

  /** Takes one step of those; one that fails is kept, and thrown. */
  async take(step: Step): Promise<void> {
    const error = await this.#attempt(step, this.#log);
    if (error === undefined) return;
    this.#fail(step, error);
    throw error;
  }

  /** Tries again what failed. Never throws. */
  async repair(): Promise<void> {
    if (this.#failed.size === 0) return;
    try {
      await this.#retry();
    } catch (error) {
      this.#log.debug({ error: messageOf(error) }, "the configuration could not be brought into effect yet");
    }
  }

  #isInForce(config: DeclaredConfig): boolean {
    const current = this.#config;
    if (current === undefined || config.generation > current.generation) return false;
    if (config.generation < current.generation) {
      throw new SledcastError(
        "generation",
        `generation: ${config.generation} is older than ${current.generation}, which is in force; GET /multicast/config shows it, and DELETE forgets it`,
      );
    }
    if (config.hasContentOf(current)) return true;
    throw new SledcastError(
      "generation",
      `generation: ${config.generation} is in force with other content; new content needs a newer generation`,
    );
  }

  async #retry(): Promise<void> {
    await this.#look();
    const before = this.#failed.size;
    await this.converge();
    if (this.#failed.size === 0) {
      this.#log.info({ entries: before }, "entries of the configuration are in effect after earlier failure");
    }
  }

  async #look(): Promise<void> {
    await this.#mappings.refresh();
    await this.#forwarding.refresh();
  }

  /** What failed and is due again stays listed until it is done: those who ask meanwhile are to see it. */
  #forgetAllBut(steps: readonly Step[]): void {
    if (this.#failed.size === 0) return;
    const due = new Set(steps.map(keyOf));
    for (const key of [...this.#failed.keys()]) if (!due.has(key)) this.#failed.delete(key);
  }

  async #attempt(step: Step, log: Log): Promise<unknown> {
    try {
      await step.run(log);
      this.#failed.delete(keyOf(step));
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #fail(step: Step, error: unknown): void {
    const { thing, entry, drift } = step;
    const action = drift === "unexplained" ? "clear" : "set";
    this.#failed.set(keyOf(step), { thing, entry, action, error: messageOf(error) } as FailedEntry);
  }

  #sayWhatFailed(): void {
    const [first] = this.#failed.values();
    const fields = { entries: this.#failed.size, first: first && subjectOf(first), error: first?.error };
    const said = JSON.stringify([this.#config?.generation, fields]);
    const level = said === this.#said ? "debug" : "warn";
    this.#said = said;
    this.#log[level](fields, "entries of the configuration are not in effect; they will be retried");
  }

  get #parts(): Parts {
    return { view: this.#view, mappings: this.#mappings, forwarding: this.#forwarding };
  }
}

function keyOf(step: StepEntry): string {
  return `${step.thing} ${subjectOf(step)}`;
}
