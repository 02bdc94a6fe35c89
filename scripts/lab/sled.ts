/** One sled of a lab: its namespace, its NICs, and the agent that runs in it. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AgentApi } from "./agent-api.ts";
import { type LabNetwork, type Nic, nicsOf } from "./network.ts";
import { type Mapping, seedMappings } from "./seed.ts";
import { Counter, Holder, settle, type Tally } from "./traffic.ts";

const POLL_MS = 10;
const READY_WITHIN_MS = 60_000;
/** What a Unix socket's name may have on Linux, without its end. */
const SOCKET_PATH_BYTES = 107;

export interface SledSettings {
  readonly number: number;
  readonly network: LabNetwork;
  /** For the socket, the model's state and the log. */
  readonly folder: string;
  readonly daemon: string;
  readonly traffic: string;
  readonly agentFlags: readonly string[];
}

export class Sled {
  readonly number: number;
  readonly namespace: string;
  readonly nics: readonly Nic[];
  readonly socket: string;
  readonly log: string;
  readonly api: AgentApi;
  readonly #settings: SledSettings;
  readonly #state: string;
  #agent: ChildProcess | undefined;
  #counter: Counter | undefined;

  constructor(settings: SledSettings) {
    const { number, network, folder } = settings;
    this.#settings = settings;
    this.number = number;
    this.namespace = network.namespaceOf(number);
    this.nics = nicsOf(number);
    this.socket = path.join(folder, `sled${number}.sock`);
    this.#state = path.join(folder, `sled${number}.state`);
    this.log = path.join(folder, `sled${number}.log`);
    if (Buffer.byteLength(this.socket) > SOCKET_PATH_BYTES) {
      throw new Error(`${this.socket} is too long for a Unix socket; set TMPDIR to a shorter path`);
    }
    this.api = new AgentApi(this.socket);
  }

  get pid(): number | undefined {
    return this.#agent?.pid;
  }

  /** Starts the agent; its model has what an earlier one of this sled left. */
  startAgent(): void {
    if (this.#agent !== undefined) throw new Error(`sled ${this.number} has an agent already`);
    const { daemon, folder, agentFlags } = this.#settings;
    const args = ["--driver", "model", "--model-state", this.#state, "--state-dir", `${this.#state}-ledger`];
    args.push("--listen", `unix:${this.socket}`, ...this.nics.flatMap(({ name }) => ["--underlay-nic", name]));
    const log = openSync(this.log, "a");
    // Not of the terminal's group: a Ctrl-C there is the lab's to handle.
    const options: SpawnOptions = { stdio: ["ignore", log, log], detached: true, cwd: folder };
    const command = ["netns", "exec", this.namespace, process.execPath, daemon, ...args, ...agentFlags];
    this.#agent = spawn("ip", command, options);
    closeSync(log);
  }

  /** Waits until `/readyz` says so. */
  async ready(): Promise<void> {
    const since = performance.now();
    for (;;) {
      const status = await this.api.ask("GET", "/readyz").then(
        (answer) => answer.status,
        () => undefined,
      );
      if (status === 200) return;
      const ended = this.#agent === undefined || this.#agent.exitCode !== null || this.#agent.signalCode !== null;
      if (ended || performance.now() - since > READY_WITHIN_MS) {
        const why = ended ? "has ended" : `is not ready within ${READY_WITHIN_MS} ms`;
        throw new Error(`the agent of sled ${this.number} ${why}; its log:\n${readFileSync(this.log, "utf8")}`);
      }
      await pause(POLL_MS);
    }
  }

  /** @returns its exit status, or the signal that ended it. */
  async agentEnded(): Promise<number | string> {
    const agent = this.#agent;
    if (agent === undefined) throw new Error(`sled ${this.number} has no agent`);
    if (agent.exitCode === null && agent.signalCode === null) await once(agent, "exit");
    this.api.disconnect();
    this.#agent = undefined;
    return agent.exitCode ?? agent.signalCode ?? "nothing";
  }

  /** Sends the agent a signal and waits until it is gone, sockets and all. */
  async stopAgent(signal: NodeJS.Signals): Promise<number | string> {
    this.#agent?.kill(signal);
    return this.agentEnded();
  }

  /** Puts mappings into the driver model, where the next agent finds them. */
  async seed(mappings: readonly Mapping[]): Promise<void> {
    if (this.#agent !== undefined)
      throw new Error(`the agent of sled ${this.number} has its model in use; stop it first`);
    await seedMappings(this.#state, mappings);
  }

  async setMapping(group: string, underlay: string): Promise<void> {
    await this.api.call("PUT", "/networking/mcast-m2p", { group, underlay });
  }

  async clearMapping(group: string, underlay: string): Promise<void> {
    await this.api.call("DELETE", "/networking/mcast-m2p", { group, underlay });
  }

  async deleteNic(name: string): Promise<void> {
    await this.#settings.network.deleteNic(this.number, this.nic(name));
  }

  async makeNic(name: string): Promise<void> {
    await this.#settings.network.makeNic(this.number, this.nic(name));
  }

  /** Joins groups on the NICs beside the agent, in a process of its own. */
  hold(groups: readonly string[]): Promise<Holder> {
    return Holder.start(
      this.namespace,
      this.#settings.traffic,
      this.nics.map(({ name }) => name),
      groups,
    );
  }

  /** Closes what the NICs' filters have still open of groups that were left. */
  settleFilters(): Promise<void> {
    return settle(
      this.namespace,
      this.#settings.traffic,
      this.nics.map(({ name }) => name),
    );
  }

  nic(name: string): Nic {
    const nic = this.nics.find((one) => one.name === name);
    if (nic === undefined) throw new Error(`sled ${this.number} has no NIC ${name}`);
    return nic;
  }

  async startCounter(): Promise<void> {
    this.#counter = await Counter.start(this.namespace, this.#settings.traffic);
  }

  async stopCounter(): Promise<void> {
    await this.#counter?.stop();
  }

  /** What a run of packets brought to an interface, a NIC or the wire below it. */
  async tally(run: number, dev: string, withinMs: number): Promise<Tally> {
    if (this.#counter === undefined) throw new Error(`nothing counts packets on sled ${this.number}`);
    try {
      return await this.#counter.tally(run, dev, withinMs);
    } catch (error) {
      throw new Error(`sled ${this.number}: ${error instanceof Error ? error.message : error}`);
    }
  }
}
