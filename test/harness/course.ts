/**
 * The course of an operation: every driver command and every ledger write is a step of it. The agent
 * can be ended after so many steps, as by kill -9, or a step can fail, before its effect or after.
 */
import type { Datalinks } from "../../src/host/datalinks.ts";
import type { Ledger, LedgerChange, MemoryLedger } from "../../src/intent/ledger.ts";
import type { Transport } from "../../src/opte/driver.ts";
import type { CommandName, Request, Response } from "../../src/opte/types.ts";

/** A command's name, the ledger, or what dlmgmtd is asked for. */
export type StepName = CommandName | "ledger" | `datalink ${"isTaken" | "create" | "destroy"}`;

/** What is gone when its daemon is: the steps of one side fail together. */
const sideOf = (name: StepName | undefined) =>
  name === "ledger" ? name : name?.startsWith("datalink ") ? "datalinks" : "driver";

export interface Failure {
  /** Which step, from 0. */
  readonly at: number;
  /** The one step, or from it on every step of the driver, or of the ledger. */
  readonly lasting: boolean;
  /** Of a driver command or a datalink's; the ledger fails before. */
  readonly when: "before" | "after";
  readonly error: (command: CommandName) => Error;
}

const NEVER = new Promise<never>(() => {});

export class Course {
  #steps: StepName[] = [];
  #end = Number.POSITIVE_INFINITY;
  #failure: Failure | undefined;
  #sayEnded = () => {};
  /** Resolves when the agent wants to take the step before which it was ended. */
  ended: Promise<void> = NEVER;

  /** From here on the steps are counted. */
  begin(): void {
    this.#steps = [];
  }

  /** The steps since then. */
  get steps(): readonly StepName[] {
    return this.#steps;
  }

  /** No further step is taken or answered. A step's effect is all that outlasts the agent, so this is every moment to the next one. */
  endAfter(steps: number): void {
    this.#end = steps;
    this.ended = new Promise((resolve) => {
      this.#sayEnded = resolve;
    });
  }

  fail(failure: Failure): void {
    this.#failure = failure;
  }

  /** What failed works again. */
  mend(): void {
    this.#failure = undefined;
  }

  toDriver(inner: Transport): Transport {
    const call = async <C extends CommandName>(command: C, request: Request<C>): Promise<Response<C>> => {
      const failure = await this.#next(command);
      if (failure?.when === "before") throw failure.error(command);
      const response = await inner.call(command, request);
      if (failure?.when === "after") throw failure.error(command);
      return response;
    };
    return {
      get info() {
        return inner.info;
      },
      call,
      onReturn: (listener) => inner.onReturn?.(listener),
      close: () => inner.close(),
    };
  }

  toLedger(inner: MemoryLedger): Ledger {
    const writing = async (write: () => Promise<void>): Promise<void> => {
      if ((await this.#next("ledger")) !== undefined) inner.failNext("ENOSPC");
      await write();
    };
    return {
      get broken() {
        return inner.broken;
      },
      get: (key) => inner.get(key),
      entries: (prefix) => inner.entries(prefix),
      note: (changes) => inner.note(changes),
      record: (changes: readonly LedgerChange[]) => writing(() => inner.record(changes)),
      repair: () => (inner.broken === undefined ? inner.repair() : writing(() => inner.repair())),
      close: () => inner.close(),
    };
  }

  toDatalinks(inner: Datalinks): Datalinks {
    const asking = async <T>(name: StepName, ask: () => Promise<T>): Promise<T> => {
      const failure = await this.#next(name);
      // A datalink's error says nothing of a command.
      if (failure?.when === "before") throw failure.error("CreateXde");
      const answer = await ask();
      if (failure?.when === "after") throw failure.error("CreateXde");
      return answer;
    };
    return {
      source: inner.source,
      isTaken: (name) => asking("datalink isTaken", () => inner.isTaken(name)),
      create: (name) => asking("datalink create", () => inner.create(name)),
      destroy: (name) => asking("datalink destroy", () => inner.destroy(name)),
    };
  }

  /** Takes the next step, if there is one. Answers whether it is to fail. */
  async #next(name: StepName): Promise<Failure | undefined> {
    if (this.#steps.length >= this.#end) {
      this.#sayEnded();
      return NEVER;
    }
    const step = this.#steps.push(name) - 1;
    const failure = this.#failure;
    if (failure === undefined || step < failure.at) return undefined;
    const sameSide = sideOf(this.#steps[failure.at]) === sideOf(name);
    return step === failure.at || (failure.lasting && sameSide) ? failure : undefined;
  }
}
