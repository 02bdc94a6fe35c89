/** The service as svc.startd runs it: the start method in a process group of its own, which stands for the contract. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, TestRunner } from "vitest";
import type { LogRecord } from "../process/daemon.ts";
import { CONFIG, type Property, svcpropText } from "./manifest.ts";

const STAND_INS = fileURLToPath(new URL("./stand-ins", import.meta.url));
export const METHOD = fileURLToPath(new URL("../../smf/sledcast", import.meta.url));
const FMRI = "svc:/oxide/sledcast:default";
/** How long a condition may take that follows from what was done: never reached where all is well. */
export const SOON = { timeout: 30_000, interval: 20 };

type Changes = Readonly<Record<string, readonly string[]>>;

export class Service {
  readonly dir = mkdtempSync(path.join(tmpdir(), "smf-"));
  readonly #log = path.join(this.dir, "log");
  readonly #properties = path.join(this.dir, "properties");
  #set: Map<string, Property>;
  #group: number | undefined;

  /** The manifest's properties, and what an administrator set. */
  constructor(changes: Changes = {}) {
    this.#set = new Map(CONFIG);
    this.set({
      node: [process.execPath],
      driver: ["model"],
      listen: ["127.0.0.1:0"],
      state_dir: [path.join(this.dir, "state")],
      ...changes,
    });
    // One that a hook made for many tests is the hook's to remove.
    if (TestRunner.getCurrentTest() !== undefined) onTestFinished(() => this.remove());
  }

  remove(): void {
    this.signal("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** `svccfg setprop` and `svcadm refresh`, up to the signal. A property that is not in the manifest is an astring. */
  set(changes: Changes): void {
    for (const [name, values] of Object.entries(changes)) {
      this.#set.set(name, { type: this.#set.get(name)?.type ?? "astring", values });
    }
    writeFileSync(this.#properties, svcpropText(this.#set));
  }

  /** Runs the start method to its end; `command` is what runs it. */
  async start(command: readonly string[] = [METHOD], env: NodeJS.ProcessEnv = {}): Promise<number | string> {
    const out = openSync(this.#log, "a");
    const [program = METHOD, ...args] = command;
    const child = spawn(program, [...args, "start"], {
      detached: true,
      stdio: ["ignore", out, out],
      env: {
        ...process.env,
        PATH: `${STAND_INS}:/usr/sbin:/usr/bin:/sbin:/bin`,
        SMF_FMRI: FMRI,
        SLEDCAST_SMF_INCLUDE: path.join(STAND_INS, "smf_include.sh"),
        SLEDCAST_RUN_DIR: this.dir,
        STAND_IN_PROPERTIES: this.#properties,
        ...env,
      },
    });
    closeSync(out);
    this.#group = child.pid;
    const [code, signal] = await once(child, "exit");
    return code ?? signal;
  }

  /** To every process of the contract, as `:kill` does. */
  signal(signal: NodeJS.Signals): void {
    if (this.#group === undefined) return;
    try {
      process.kill(-this.#group, signal);
    } catch {
      // Nobody is left.
    }
  }

  /** What svc.startd has in the service's log. */
  get log(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8") : "";
  }

  get records(): LogRecord[] {
    const lines = this.log.split("\n").slice(0, -1);
    return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as LogRecord);
  }

  /** Waits for a record whose message is so. */
  async logged(message: RegExp): Promise<LogRecord> {
    const find = () => this.records.find(({ msg }) => message.test(String(msg)));
    await expect.poll(find, SOON).toBeDefined();
    return find() ?? {};
  }

  async health(): Promise<unknown> {
    const { address } = await this.logged(/^listening on /);
    return (await fetch(`http://${address}/healthz`)).json();
  }
}
