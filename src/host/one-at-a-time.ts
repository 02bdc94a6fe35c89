/** Calls that wait their turn here, and not each in a thread of the pool, which others need too. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the work when all that was asked for before has ended, however it ended. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}
