/** What Prometheus is told. Names begin `sledcast_`; each metric is documented by its help text. */
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from "prom-client";

/** Sizes of things, read when somebody asks. */
export type Sizes = Readonly<Record<string, number>>;

/** Upper bounds, seconds. */
const BUCKETS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

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
class Latencies {
  readonly name: string;
  readonly help: string;
  readonly aggregator = "sum";
  readonly type = "histogram";
  readonly #labelNames: readonly [string, string];
  readonly #series = new Map<string, Map<string | number, Series>>();

  constructor(registry: Registry, name: string, help: string, labelNames: readonly [string, string]) {
    this.name = name;
    this.help = help;
    this.#labelNames = labelNames;
    // The registry asks no more of a metric than a name, a reset, and `get`.
    registry.registerMetric(this as unknown as Metric);
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

export class Metrics {
  readonly #registry = new Registry();
  readonly #operations = new Latencies(
    this.#registry,
    "sledcast_operation_seconds",
    "Operations in the lane: how long each took once it ran, by operation and outcome (ok, or the kind of error)",
    ["operation", "outcome"],
  );
  readonly #commands = new Latencies(
    this.#registry,
    "sledcast_driver_command_seconds",
    "Commands sent to the driver: how long each took, by command and outcome (ok, error)",
    ["command", "outcome"],
  );
  readonly #requests = new Latencies(
    this.#registry,
    "sledcast_http_request_seconds",
    "HTTP requests: from the first byte to the end of the answer, by route and status",
    ["route", "status"],
  );
  readonly #findings = new Counter({
    name: "sledcast_audit_findings_total",
    help: "What audits found different from what should be, by what it was and whether it was repaired",
    labelNames: ["what", "repaired"],
    registers: [this.#registry],
  });
  readonly #refused = new Counter({
    name: "sledcast_lane_refused_total",
    help: "Operations refused because too many, or too large ones, waited in the lane",
    registers: [this.#registry],
  });
  readonly #slowCommands = new Counter({
    name: "sledcast_driver_slow_commands_total",
    help: "Driver commands that took over 5 s, by command; counted when they do, whether they end or not",
    labelNames: ["command"],
    registers: [this.#registry],
  });

  /** `sizes` is called once a scrape: what it answers becomes `sledcast_<key>`. */
  watch(help: Readonly<Record<string, string>>, sizes: () => Sizes): void {
    let fresh: Sizes | undefined;
    // All gauges of a scrape are asked before any of them is waited for.
    const once = (): Sizes => {
      fresh ??= sizes();
      queueMicrotask(() => {
        fresh = undefined;
      });
      return fresh;
    };
    for (const [key, text] of Object.entries(help)) {
      new Gauge({
        name: `sledcast_${key}`,
        help: text,
        registers: [this.#registry],
        collect() {
          this.set(once()[key] ?? 0);
        },
      });
    }
  }

  /** The process's own: memory, descriptors, event loop. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry, prefix: "sledcast_" });
  }

  operation(operation: string, outcome: string, seconds: number): void {
    this.#operations.observe(operation, outcome, seconds);
  }

  command(command: string, seconds: number, ok: boolean): void {
    this.#commands.observe(command, ok ? "ok" : "error", seconds);
  }

  request(route: string, status: number, seconds: number): void {
    this.#requests.observe(route, status, seconds);
  }

  finding(what: string, repaired: boolean): void {
    this.#findings.inc({ what, repaired: String(repaired) });
  }

  /** The lane had no room for an operation. */
  refused(): void {
    this.#refused.inc();
  }

  slowCommand(command: string): void {
    this.#slowCommands.inc({ command });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
