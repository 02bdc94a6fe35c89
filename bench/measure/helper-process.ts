/**
 * A process that a benchmark keeps beside itself, started and ready. One with an IPC channel is
 * asked for its figures; one without says a line when it is ready, and ends with its standard input.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export class HelperProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start([command = "", ...args]: readonly string[], ready: "line" | "message"): Promise<HelperProcess> {
    const withChannel = ready === "message";
    const child = spawn(command, args, {
      stdio: withChannel ? ["ignore", "ignore", "inherit", "ipc"] : ["pipe", "pipe", "inherit"],
    });
    // A run that fails must leave nobody behind.
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    const helper = new HelperProcess(child);
    await helper.#next(withChannel ? once(child, "message") : once(child.stdout ?? child, "data"));
    return helper;
  }

  async ask(figure: string): Promise<number> {
    const answer = this.#next(once(this.#child, "message"));
    this.#child.send(figure);
    return Number((await answer)[0]);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  /** What is waited for, unless the process ends before it. */
  async #next<Answer>(awaited: Promise<Answer>): Promise<Answer> {
    const over = new AbortController();
    const ended = once(this.#child, "exit", { signal: over.signal }).then(([status]) => {
      throw new Error(`${this.#child.spawnfile} ended with status ${status}`);
    });
    try {
      return await Promise.race([awaited, ended]);
    } finally {
      over.abort();
      ended.catch(() => {});
    }
  }
}
