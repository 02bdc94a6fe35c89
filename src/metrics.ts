/** What Prometheus is told. Names begin `sledcast_`; each metric is documented by its help text. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Sizes of things, read when somebody asks. */
export type Sizes = Readonly<Record<string, number>>;

const BUCKETS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

export class Metrics {
  readonly #registry = new Registry();
  readonly #operations = new Histogram({
    name: "sledcast_operation_seconds",
    help: "Operations in the lane: how long each took once it ran, by operation and outcome (ok, or the kind of error)",
    labelNames: ["operation", "outcome"],
    buckets: BUCKETS,
    registers: [this.#registry],
  });
  readonly #commands = new Histogram({
    name: "sledcast_driver_command_seconds",
    help: "Commands sent to the driver: how long each took, by command and outcome (ok, error)",
    labelNames: ["command", "outcome"],
    buckets: BUCKETS,
    registers: [this.#registry],
  });
  readonly #requests = new Histogram({
    name: "sledcast_http_request_seconds",
    help: "HTTP requests: from the first byte to the end of the answer, by route and status",
    labelNames: ["route", "status"],
    buckets: BUCKETS,
    registers: [this.#registry],
  });

  /** `sizes` is called at every scrape: what it answers becomes `sledcast_<key>`. */
  watch(help: Readonly<Record<string, string>>, sizes: () => Sizes): void {
    for (const [key, text] of Object.entries(help)) {
      new Gauge({
        name: `sledcast_${key}`,
        help: text,
        registers: [this.#registry],
        collect() {
          this.set(sizes()[key] ?? 0);
        },
      });
    }
  }

  /** The process's own: memory, descriptors, event loop. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry, prefix: "sledcast_" });
  }

  operation(operation: string, outcome: string, seconds: number): void {
    this.#operations.observe({ operation, outcome }, seconds);
  }

  command(command: string, seconds: number, ok: boolean): void {
    this.#commands.observe({ command, outcome: ok ? "ok" : "error" }, seconds);
  }

  request(route: string, status: number, seconds: number): void {
    this.#requests.observe({ route, status }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
