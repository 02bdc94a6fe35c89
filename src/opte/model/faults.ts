/**
 * Failures and delays on request, so that every path behind a failing driver can be walked. A
 * fault strikes before its command has taken effect or after: the caller cannot tell, as with a
 * real device.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandName } from "../types.ts";

export interface Fault {
  /** Which command; left out: any. */
  readonly command?: CommandName;
  readonly when: "before" | "after";
  /** How many calls it strikes; left out: one. */
  readonly times?: number;
  /** How many matching calls it lets pass first. */
  readonly skip?: number;
  /** Milliseconds to wait. */
  readonly delay?: number;
  /** What to wait for besides: a driver that is stuck until somebody lets it go. */
  readonly until?: Promise<void>;
  /** What is thrown; left out: nothing, the fault is only a delay. */
  readonly error?: (command: CommandName) => Error;
}

interface Armed {
  readonly fault: Fault;
  skip: number;
  times: number;
}

export class Faults {
  #armed: Armed[] = [];

  inject(fault: Fault): void {
    this.#armed.push({ fault, skip: fault.skip ?? 0, times: fault.times ?? 1 });
  }

  clear(): void {
    this.#armed = [];
  }

  get pending(): number {
    return this.#armed.length;
  }

  /** Waits and throws as the first matching fault says. Returns undefined, at once, where none does. */
  strike(command: CommandName, when: Fault["when"]): Promise<void> | undefined {
    if (this.#armed.length === 0) return undefined;
    const armed = this.#armed.find((a) => a.fault.when === when && (a.fault.command ?? command) === command);
    if (armed === undefined) return undefined;
    if (armed.skip > 0) {
      armed.skip--;
      return undefined;
    }
    armed.times--;
    if (armed.times === 0) this.#armed = this.#armed.filter((a) => a !== armed);
    return apply(armed.fault, command);
  }
}

async function apply(fault: Fault, command: CommandName): Promise<void> {
  if (fault.delay !== undefined) await sleep(fault.delay);
  await fault.until;
  if (fault.error !== undefined) throw fault.error(command);
}
