/** What Prometheus is told. Names begin `sledcast_`; each metric is documented by its help text. */
import { createRequire } from "node:module";
import type { Metric, Registry } from "prom-client";
import { type Family, Latencies, Reading, type Shown, Tally } from "./metric-series.ts";

const require = createRequire(import.meta.url);

/**
 * Loaded when somebody asks, and by `require`: under load, Node 20.20's `import()` of this CommonJS
 * package was seen to answer, in one start of some thirty, with a namespace whose exports are all undefined.
 */
const promClient = () => require("prom-client") as typeof import("prom-client");

/** Sizes of things, read when somebody asks. */
export type Sizes = Readonly<Record<string, number>>;

export interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

export class Metrics {
  readonly #operations = new Latencies(
    "sledcast_operation_seconds",
    "Operations in the lane: how long each took once it ran, by operation and outcome (ok, or the kind of error)",
    ["operation", "outcome"],
  );
  readonly #commands = new Latencies(
    "sledcast_driver_command_seconds",
    "Commands sent to the driver: how long each took, by command and outcome (ok, error)",
    ["command", "outcome"],
  );
  readonly #requests = new Latencies(
    "sledcast_http_request_seconds",
    "HTTP requests: from the first byte to the end of the answer, by route and status",
    ["route", "status"],
  );
  readonly #findings = new Tally<"what" | "repaired">(
    "sledcast_audit_findings_total",
    "What audits found different from what should be, by what it was and whether it was repaired",
  );
  readonly #refused = new Tally(
    "sledcast_lane_refused_total",
    "Operations refused because too many, or too large ones, waited in the lane",
    {},
  );
  readonly #slowCommands = new Tally<"command">(
    "sledcast_driver_slow_commands_total",
    "Driver commands that took over 5 s, by command; counted when they do, whether they end or not",
  );
  readonly #connectionsRefused = new Tally(
    "sledcast_http_connections_refused_total",
    "Connections closed unread because as many as limits.connections allows were open",
    {},
  );
  readonly #handshakesFailed = new Tally(
    "sledcast_tls_handshakes_failed_total",
    "TLS handshakes that failed: no certificate, one that no authority of tls.ca signed, or no TLS at all",
    {},
  );
  readonly #shown: Shown[] = [
    this.#operations,
    this.#commands,
    this.#requests,
    this.#findings,
    this.#refused,
    this.#slowCommands,
    this.#connectionsRefused,
    this.#handshakesFailed,
  ];
  readonly #families: (() => Promise<readonly Family[]>)[] = [];
  #watchesProcess = false;
  #registry: Registry | undefined;

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
      this.#shown.push(new Reading(`sledcast_${key}`, text, () => once()[key] ?? 0));
    }
  }

  /** Whole families, read once a scrape, which waits for them; there can be others at the next. `read` does not reject. */
  watchFamilies(read: () => Promise<readonly Family[]>): void {
    this.#families.push(read);
  }

  /** The process's own: memory, descriptors, event loop. Its delays are measured from the first scrape on. */
  watchProcess(): void {
    this.#watchesProcess = true;
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
    this.#refused.inc({});
  }

  slowCommand(command: string): void {
    this.#slowCommands.inc({ command });
  }

  connectionRefused(): void {
    this.#connectionsRefused.inc({});
  }

  handshakeFailed(): void {
    this.#handshakesFailed.inc({});
  }

  async scrape(): Promise<Scrape> {
    // Where it cannot be loaded, for want of a descriptor, say, the next one tries again.
    this.#registry ??= this.#load();
    const registry = this.#registry;
    const families = (await Promise.all(this.#families.map((read) => read()))).flat();
    const text = await registry.metrics();
    return { contentType: registry.contentType, text: text + (await this.#textOf(families)) };
  }

  async #textOf(families: readonly Family[]): Promise<string> {
    if (families.length === 0) return "";
    const { Registry } = promClient();
    const registry = new Registry();
    for (const one of families) registry.registerMetric(one as unknown as Metric);
    return `\n${await registry.metrics()}`;
  }

  #load(): Registry {
    const { collectDefaultMetrics, Registry } = promClient();
    const registry = new Registry();
    for (const one of this.#shown) registry.registerMetric(one as unknown as Metric);
    if (this.#watchesProcess) collectDefaultMetrics({ register: registry, prefix: "sledcast_" });
    return registry;
  }
}
