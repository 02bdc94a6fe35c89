/** How far the start has come. Ready means that each step has been tried once, not that all is well. */
export type Step = "ledger" | "driver" | "mappings" | "joins" | "forwarding" | "config" | "memberships";

export interface StepState {
  readonly done: boolean;
  /** What it waits for, or how it went. */
  readonly detail: string;
}

export class Readiness {
  readonly #steps = new Map<Step, StepState>([
    ["ledger", { done: false, detail: "not read yet" }],
    ["driver", { done: false, detail: "not tried yet" }],
    ["mappings", { done: false, detail: "waits for the driver" }],
    ["joins", { done: false, detail: "waits for the mappings" }],
    ["forwarding", { done: false, detail: "waits for the driver" }],
    ["config", { done: false, detail: "waits for the driver" }],
    ["memberships", { done: false, detail: "waits for the mappings" }],
  ]);

  done(step: Step, detail: string): void {
    this.#steps.set(step, { done: true, detail });
  }

  waiting(step: Step, detail: string): void {
    this.#steps.set(step, { done: false, detail });
  }

  get ready(): boolean {
    return [...this.#steps.values()].every(({ done }) => done);
  }

  get steps(): Readonly<Record<string, StepState>> {
    return Object.fromEntries(this.#steps);
  }
}
