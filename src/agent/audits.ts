/** When audits run and what is kept of them. */
import type { AuditMode } from "../config.ts";
import { messageOf } from "../error.ts";
import { TELL_NOBODY, type Tell } from "../events.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Audit, AuditPart } from "./audit.ts";
import type { AuditReport, Finding } from "./finding.ts";
import type { Change } from "./lists.ts";

const REPORTS_KEPT = 5;
/** Of each report: a driver that was emptied has as many as the configuration has entries. */
const FINDINGS_KEPT = 100;

export interface AuditsOptions {
  readonly audit: Audit;
  readonly mode: AuditMode;
  /** Seconds; 0: only on request. */
  readonly interval: number;
  /** However long it takes. */
  readonly change: Change;
  readonly repair: () => Promise<void>;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tell?: Tell;
}

export class Audits {
  #options: AuditsOptions;
  #reports: readonly AuditReport[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isScheduled = false;
  #closed = false;
  /** What the last run of each part left as it was: told once, or a long list of it would push all other events out. */
  readonly #left = new Map<AuditPart, ReadonlySet<string>>();

  constructor(options: AuditsOptions) {
    this.#options = options;
  }

  /** Newest first. */
  get reports(): readonly AuditReport[] {
    return this.#reports;
  }

  /** `change`: where somebody waits for it, who is to be answered in time. */
  async run(change: Change = this.#options.change): Promise<AuditReport> {
    const { audit, mode, repair } = this.#options;
    const since = performance.now();
    // What is known to be broken is tried first, so that the report is about what was not known.
    if (mode === "repair") await change("repair", repair);
    return this.#keep(await this.#run(audit.parts, change), since);
  }

  /** Something about the host's NICs changed. Only a look that found something is kept as a report. */
  async runNics(): Promise<void> {
    const since = performance.now();
    const findings = await this.#run([this.#options.audit.nics], this.#options.change);
    if (findings.length > 0) this.#keep(findings, since);
  }

  /** One part after another, each a step of the lane of its own. */
  async #run(parts: readonly AuditPart[], change: Change): Promise<readonly Finding[]> {
    const findings: Finding[] = [];
    for (const part of parts) {
      if (this.#closed) break;
      for (const one of await change("audit", () => this.#told(part))) findings.push(one);
    }
    return findings;
  }

  /** Part by part, since a driver that goes away ends the audit; and in the lane, since who asked may be answered by then. */
  async #told(part: AuditPart): Promise<readonly Finding[]> {
    const { mode, metrics, tell = TELL_NOBODY } = this.#options;
    const found = await part(mode);
    const told = this.#left.get(part);
    const left = new Set<string>();
    for (const { what, subject, repaired, error } of found) {
      metrics.finding(what, repaired);
      const key = JSON.stringify([what, subject, error]);
      if (!repaired) left.add(key);
      if (repaired || !told?.has(key)) tell("drift", { what, subject, repaired, error });
    }
    this.#left.set(part, left);
    return found;
  }

  #keep(findings: readonly Finding[], since: number): AuditReport {
    const seconds = (performance.now() - since) / 1000;
    const time = new Date().toISOString();
    const report = { time, mode: this.#options.mode, seconds, found: findings.length, findings };
    // One that found something is not to be pushed out by those that did not.
    const kept = this.#reports.filter(({ found }) => found > 0);
    this.#reports = [{ ...report, findings: findings.slice(0, FINDINGS_KEPT) }, ...kept].slice(0, REPORTS_KEPT);
    return report;
  }

  /** From now on, and what is still to come of an audit that is under way. */
  follow(mode: AuditMode, interval: number): void {
    const due = interval !== this.#options.interval && this.#isScheduled;
    this.#options = { ...this.#options, mode, interval };
    if (due) this.schedule();
  }

  /** From now on, every interval. */
  schedule(): void {
    const { interval, log } = this.#options;
    this.#isScheduled = true;
    clearTimeout(this.#timer);
    if (interval === 0 || this.#closed) return;
    const timer = setTimeout(async () => {
      try {
        await this.run();
      } catch (error) {
        log.warn({ error: messageOf(error) }, "the audit did not run to its end");
      }
      // Where the interval became another meanwhile, the next one is due already.
      if (this.#timer === timer) this.schedule();
    }, interval * 1000);
    this.#timer = timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
