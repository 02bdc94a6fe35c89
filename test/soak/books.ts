/**
 * What was acknowledged, as a flat world: a line for each mapping, entry, VMM, membership and setting.
 * No two clients change the same line at a time, so that each request's lines can be judged alone.
 */
export type World = ReadonlyMap<string, string>;
/** Lines as they will be; undefined: gone. */
export type Change = ReadonlyMap<string, string | undefined>;

export class Books {
  readonly #lines = new Map<string, string>();
  /** Sent, and not answered yet. */
  readonly #underWay = new Set<Change>();
  acknowledged = 0;
  /** Requests whose answer a kill took, and which were done all the same. */
  doneUnanswered = 0;
  unanswered = 0;

  get lines(): World {
    return this.#lines;
  }

  get(line: string): string | undefined {
    return this.#lines.get(line);
  }

  /** Lines that begin so. */
  of(prefix: string): string[] {
    return [...this.#lines.keys()].filter((line) => line.startsWith(prefix));
  }

  /** Sends what makes this change; `isDone` says of its answer whether it did. An error leaves it open. */
  async ask(change: Change, isDone: () => Promise<boolean>): Promise<void> {
    this.#underWay.add(change);
    const done = await isDone();
    this.#underWay.delete(change);
    if (!done) return;
    this.acknowledged++;
    this.#apply(change);
  }

  /** Each request without an answer turned out done as a whole, or not at all; all else is as acknowledged. Answers what is not. */
  settle(seen: World): string[] {
    for (const change of this.#underWay) {
      this.unanswered++;
      if (![...change].every(([line, value]) => seen.get(line) === value)) continue;
      this.doneUnanswered++;
      this.#apply(change);
    }
    this.#underWay.clear();
    return differences(this.#lines, seen);
  }

  #apply(change: Change): void {
    for (const [line, value] of change) {
      if (value === undefined) this.#lines.delete(line);
      else this.#lines.set(line, value);
    }
  }
}

export function differences(expected: World, seen: World): string[] {
  const lines = [...new Set([...expected.keys(), ...seen.keys()])].sort();
  return lines
    .filter((line) => expected.get(line) !== seen.get(line))
    .map((line) => `${line}: ${expected.get(line) ?? "none"} was acknowledged, ${seen.get(line) ?? "none"} is there`);
}
