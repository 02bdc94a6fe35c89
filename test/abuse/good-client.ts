/** The well-behaved client, as its parent sees it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Access } from "./access.ts";

const FIXTURE = fileURLToPath(new URL("./good-client.fixture.ts", import.meta.url));

export interface Served {
  /** Milliseconds of each answer since it was last asked. */
  readonly latencies: readonly number[];
  readonly failures: readonly string[];
  readonly mappings: readonly (readonly [group: string, underlay: string])[];
}

export class GoodClient {
  readonly #child: ChildProcess;

  constructor(access: Access) {
    const args = ["--import", "tsx", FIXTURE, JSON.stringify(access)];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  }

  /** How many answers it has had since it was last asked how it was served. */
  async answered(): Promise<number> {
    const answer = once(this.#child, "message");
    this.#child.send("count");
    return Number((await answer)[0]);
  }

  /** How it was served since it was last asked; from now on over connections that it has already, if so wanted. */
  async ask(connections: "alone" | "newcomers" = "newcomers"): Promise<Served> {
    const answer = once(this.#child, "message");
    this.#child.send(connections);
    return (await answer)[0] as Served;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}
