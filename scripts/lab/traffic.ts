/** The program that sends and counts packets (`traffic/`), as the lab runs it in a sled's namespace. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { run } from "./run.ts";

const SOURCES = ["main.c", "send.c", "count.c", "filters.c", "endings.c"].map((file) =>
  fileURLToPath(new URL(`traffic/${file}`, import.meta.url)),
);

export async function compileTraffic(program: string): Promise<void> {
  await run("cc", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", program, ...SOURCES]);
}

/** What one run brought to one interface. */
export interface Tally {
  /** Datagrams by group. */
  readonly groups: Readonly<Record<string, number>>;
  /** Sequence numbers that came, in order. */
  readonly seqs: readonly (readonly [first: number, last: number])[];
  /** Frames that the counter had no room for: with any, the rest proves nothing. */
  readonly overrun: number;
}

interface Report extends Tally {
  readonly run: number;
  readonly dev: string;
}

type Piped = ChildProcessByStdio<Writable, Readable, null>;

function start(namespace: string, program: string, args: readonly string[]): Piped {
  const command = ["netns", "exec", namespace, program, ...args];
  // Not of the terminal's group: a Ctrl-C there is the lab's to handle.
  return spawn("ip", command, { stdio: ["pipe", "pipe", "inherit"], detached: true });
}

async function ended(child: Piped): Promise<number | string> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode ?? child.signalCode ?? "nothing";
}

/** When the program has said that it is ready. */
async function ready(child: Piped, what: string): Promise<Interface> {
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, "line"), once(lines, "close")]);
  if (first[0] !== "ready") throw new Error(`${what} ended with ${await ended(child)}`);
  return lines;
}

/** Counts what arrives at every interface of a sled, for as long as it runs. */
export class Counter {
  readonly #child: Piped;
  readonly #reports = new Map<string, Report>();
  readonly #awaited = new Map<string, () => void>();

  private constructor(child: Piped) {
    this.#child = child;
  }

  static async start(namespace: string, program: string): Promise<Counter> {
    const child = start(namespace, program, ["count"]);
    const counter = new Counter(child);
    const lines = await ready(child, `the packet counter in ${namespace}`);
    lines.on("line", (line) => counter.#take(JSON.parse(line) as Report));
    return counter;
  }

  #take(report: Report): void {
    const key = keyOf(report.run, report.dev);
    this.#reports.set(key, report);
    this.#awaited.get(key)?.();
  }

  /** What a run brought to an interface, once its end mark has come there. */
  async tally(run: number, dev: string, withinMs: number): Promise<Tally> {
    const key = keyOf(run, dev);
    if (!this.#reports.has(key)) {
      await new Promise<void>((resolve, reject) => {
        const late = () => reject(new Error(`no end mark of run ${run} came to ${dev} within ${withinMs} ms`));
        const timer = setTimeout(late, withinMs);
        this.#awaited.set(key, () => {
          clearTimeout(timer);
          resolve();
        });
      }).finally(() => this.#awaited.delete(key));
    }
    const report = this.#reports.get(key);
    this.#reports.delete(key);
    if (report === undefined) throw new Error(`run ${run} was asked for twice on ${dev}`);
    if (report.overrun > 0) throw new Error(`the counter on ${dev} had no room for ${report.overrun} frames`);
    return report;
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    await ended(this.#child);
  }
}

const keyOf = (run: number, dev: string) => `${run} ${dev}`;

export interface Sending {
  readonly run: number;
  readonly nics: readonly string[];
  readonly groups: readonly string[];
  /** Datagrams a second through each NIC; left out: as fast as it goes. */
  readonly perSecond?: number;
}

function argumentsOf({ run, nics, groups, perSecond = 0 }: Sending, rounds: number): string[] {
  const options = ["-r", String(run), "-c", String(rounds), "-p", String(perSecond)];
  return ["send", ...options, ...nics.flatMap((nic) => ["-i", nic]), ...groups];
}

/** Sends `rounds` datagrams to each group through each NIC. */
export async function sendRounds(namespace: string, program: string, sending: Sending, rounds: number): Promise<void> {
  await run("ip", ["netns", "exec", namespace, program, ...argumentsOf(sending, rounds)]);
}

/** Brings the NICs' filters up to date. */
export async function settle(namespace: string, program: string, nics: readonly string[]): Promise<void> {
  await run("ip", ["netns", "exec", namespace, program, "settle", ...nics.flatMap((nic) => ["-i", nic])]);
}

/** Is a member of groups beside the agent, until it is stopped. */
export class Holder {
  readonly #child: Piped;

  private constructor(child: Piped) {
    this.#child = child;
  }

  static async start(
    namespace: string,
    program: string,
    nics: readonly string[],
    groups: readonly string[],
  ): Promise<Holder> {
    const child = start(namespace, program, ["hold", ...nics.flatMap((nic) => ["-i", nic]), ...groups]);
    await ready(child, `the holder of groups in ${namespace}`);
    return new Holder(child);
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    await ended(this.#child);
  }
}

/** When each sequence number was sent: µs on the clock that `process.hrtime` reads. */
export interface Sent {
  readonly at: readonly number[];
}

/** A steady stream to some groups in turn, until it is stopped. */
export class Stream {
  readonly #child: Piped;
  readonly #sent: Promise<Sent>;

  constructor(namespace: string, program: string, sending: Sending) {
    const [verb = "", ...args] = argumentsOf(sending, 0);
    this.#child = start(namespace, program, [verb, "-t", ...args]);
    this.#sent = this.#read();
    // Whoever stops it hears of a failure; one that nobody stops must not end the process.
    this.#sent.catch(() => {});
  }

  async #read(): Promise<Sent> {
    let text = "";
    for await (const chunk of this.#child.stdout.setEncoding("utf8")) text += chunk;
    const status = await ended(this.#child);
    if (status !== 0) throw new Error(`the stream of packets ended with ${status}`);
    return JSON.parse(text) as Sent;
  }

  stop(): Promise<Sent> {
    this.#child.stdin.end();
    return this.#sent;
  }
}
