/** When audits run and what is kept of them. */
import type { AuditMode } from "../config.ts";
import { messageOf } from "../error.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Audit, AuditReport, Finding } from "./audit.ts";
import type { Change } from "./lists.ts";

const REPORTS_KEPT = 5;

export interface AuditsOptions {
  readonly audit: Audit;
  readonly mode: AuditMode;
  /** Seconds; 0: only on request. */
  readonly interval: number;
  readonly change: Change;
  readonly repair: () => Promise<void>;
  readonly metrics: Metrics;
  readonly log: Log;
}

export class Audits {
  readonly #options: AuditsOptions;
  #reports: readonly AuditReport[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: AuditsOptions) {
    this.#options = options;
  }

  /** Newest first. */
  get reports(): readonly AuditReport[] {
    return this.#reports;
  }

  /** One table after another, each a step of the lane of its own. */
  async run(): Promise<AuditReport> {
    const { audit, mode, change, repair, metrics } = this.#options;
    const since = performance.now();
    // What is known to be broken is tried first, so that the report is about what was not known.
    if (mode === "repair") await repair();
    const findings: Finding[] = [];
    for (const part of audit.parts) findings.push(...(await change("audit", () => part(mode))));
    for (const { what, repaired } of findings) metrics.finding(what, repaired);
    const seconds = (performance.now() - since) / 1000;
    const report: AuditReport = { time: new Date().toISOString(), mode, seconds, findings };
    // One that found something is not to be pushed out by those that did not.
    const kept = this.#reports.filter((one) => one.findings.length > 0);
    this.#reports = [report, ...kept].slice(0, REPORTS_KEPT);
    return report;
  }

  /** From now on, every interval. */
  schedule(): void {
    const { interval, log } = this.#options;
    if (interval === 0 || this.#closed) return;
    this.#timer = setTimeout(async () => {
      try {
        await this.run();
      } catch (error) {
        log.warn({ error: messageOf(error) }, "the audit did not run to its end");
      }
      this.schedule();
    }, interval * 1000);
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
