/** Compiles the probe and runs it as a user would: under scripts/with-fake-xde. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { FrameServer } from "./frame-server.ts";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(path.dirname(here));
export const WITH_FAKE_XDE = path.join(root, "scripts", "with-fake-xde");
export const LIBRARY = path.join(root, "build", "Release", "libfake-xde.so");

/** Why these tests cannot run here, if so. In CI that is a failure: they would be green for not being there. */
function obstacle(): string | undefined {
  if (process.platform !== "linux") return "the fake /dev/xde is for Linux";
  let missing: string | undefined;
  if (!existsSync(LIBRARY)) missing = "libfake-xde.so is not built (npm run build)";
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
  } catch {
    missing = "there is no C compiler (cc)";
  }
  if (missing !== undefined && process.env.CI) throw new Error(missing);
  return missing;
}
export const OBSTACLE = obstacle();

export class Probe {
  readonly directory = mkdtempSync(path.join(tmpdir(), "fake-xde-"));
  readonly program = path.join(this.directory, "probe");
  /** The library by a path that the loader takes: it takes none with a blank in it. */
  readonly preloadable = path.join(this.directory, "libfake-xde.so");
  #sockets = 0;

  constructor() {
    symlinkSync(LIBRARY, this.preloadable);
    const sources = ["probe.c", "probe-memory.c", "probe-turns.c"].map((name) => path.join(here, name));
    execFileSync("cc", ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", this.program, ...sources]);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A server on a path of its own, gone after the test. */
  async server(): Promise<FrameServer> {
    const server = new FrameServer(this.unusedPath());
    await server.listen();
    onTestFinished(() => server.close());
    return server;
  }

  unusedPath(): string {
    return path.join(this.directory, `${this.#sockets++}.sock`);
  }

  /** The scenario on /dev/xde, made by the environment. */
  run(socket: string, scenario: string, ...rest: readonly string[]): Promise<string[]> {
    return this.start(WITH_FAKE_XDE, [socket, this.program, scenario, "/dev/xde", ...rest]);
  }

  /** Runs to the end and gives the lines printed. At each "ready", `turn` is waited for, and then the probe goes on. */
  async start(
    command: string,
    args: readonly string[],
    { turn, env = {} }: { turn?: (nth: number) => Promise<void>; env?: NodeJS.ProcessEnv } = {},
  ): Promise<string[]> {
    const child = spawn(command, args, {
      cwd: this.directory,
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "inherit"],
      timeout: 30_000,
      killSignal: "SIGKILL",
    });
    const ended = new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve(signal ?? String(code)));
    });
    const lines: string[] = [];
    let turns = 0;
    for await (const line of linesOf(child)) {
      if (line !== "ready") lines.push(line);
      else {
        await turn?.(turns++);
        child.stdin?.write("\n");
      }
    }
    const status = await ended;
    return status === "0" ? lines : [...lines, `exit ${status}`];
  }
}

async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}
