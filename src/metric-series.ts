/** What is counted and measured until somebody asks. prom-client, which costs a start 60 ms, is not needed for it. */

/** Upper bounds, seconds. */
const BUCKETS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

/** What prom-client's registry makes text of. It asks no more of a metric than a name, a reset, and `get`. */
export interface Shown {
  readonly name: string;
  get(): Promise<unknown>;
  reset(): void;
}

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Observations at most the bound of the same place, and above the one before. */
  readonly counts: number[];
  sum: number;
  count: number;
}

/**
 * A histogram with two labels. prom-client's own checks, joins and hashes the labels of every
 * observation, which costs a request more than its operation; this one looks its series up, and
 * hands prom-client the values when somebody asks.
 */
export class Latencies implements Shown {
  readonly name: string;
  readonly help: string;
  readonly aggregator = "sum";
  readonly type = "histogram";
  readonly #labelNames: readonly [string, string];
  readonly #series = new Map<string, Map<string | number, Series>>();

  constructor(name: string, help: string, labelNames: readonly [string, string]) {
    this.name = name;
    this.help = help;
    this.#labelNames = labelNames;
  }

  observe(first: string, second: string | number, seconds: number): void {
    const series = this.#series.get(first)?.get(second) ?? this.#add(first, second);
    const place = BUCKETS.findIndex((bound) => seconds <= bound);
    if (place >= 0) (series.counts[place] as number)++;
    series.sum += seconds;
    series.count++;
  }

  async get() {
    const all = [...this.#series.values()].flatMap((inner) => [...inner.values()]);
    return {
      name: this.name,
      help: this.help,
      type: this.type,
      aggregator: this.aggregator,
      values: all.flatMap((one) => this.#values(one)),
    };
  }

  reset(): void {
    this.#series.clear();
  }

  #values({ labels, counts, sum, count }: Series) {
    let below = 0;
    const buckets = BUCKETS.map((bound, place) => {
      below += counts[place] as number;
      return { metricName: `${this.name}_bucket`, labels: { le: bound, ...labels }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_bucket`, labels: { le: "+Inf", ...labels }, value: count },
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }

  #add(first: string, second: string | number): Series {
    const inner = this.#series.get(first) ?? new Map<string | number, Series>();
    this.#series.set(first, inner);
    const [a, b] = this.#labelNames;
    const made: Series = {
      labels: { [a]: first, [b]: String(second) },
      counts: BUCKETS.map(() => 0),
      sum: 0,
      count: 0,
    };
    inner.set(second, made);
    return made;
  }
}

/** A count that only grows, for each combination of its labels. */
export class Tally<Label extends string = never> implements Shown {
  readonly name: string;
  readonly help: string;
  readonly aggregator = "sum";
  readonly type = "counter";
  readonly #counts = new Map<string, { readonly labels: Readonly<Record<Label, string>>; value: number }>();

  /** `zero`: labels that are there from the start, with nothing counted. */
  constructor(name: string, help: string, zero?: Readonly<Record<Label, string>>) {
    this.name = name;
    this.help = help;
    if (zero !== undefined) this.#counts.set(JSON.stringify(zero), { labels: zero, value: 0 });
  }

  inc(labels: Readonly<Record<Label, string>>): void {
    const key = JSON.stringify(labels);
    const counted = this.#counts.get(key);
    if (counted === undefined) this.#counts.set(key, { labels, value: 1 });
    else counted.value++;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: [...this.#counts.values()] };
  }

  reset(): void {
    this.#counts.clear();
  }
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What somebody else counts, as it was read for one scrape. */
export class Family implements Shown {
  readonly name: string;
  readonly help: string;
  readonly aggregator = "sum";
  readonly type: "counter" | "gauge";
  readonly #samples: readonly Sample[];

  constructor(name: string, help: string, type: "counter" | "gauge", samples: readonly Sample[]) {
    this.name = name;
    this.help = help;
    this.type = type;
    this.#samples = samples;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: this.#samples };
  }

  reset(): void {}
}

/** What is asked for at each scrape. */
export class Reading implements Shown {
  readonly name: string;
  readonly help: string;
  readonly aggregator = "sum";
  readonly type = "gauge";
  readonly #read: () => number;

  constructor(name: string, help: string, read: () => number) {
    this.name = name;
    this.help = help;
    this.#read = read;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: [{ labels: {}, value: this.#read() }] };
  }

  reset(): void {}
}
