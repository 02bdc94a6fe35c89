/** Other programs, run to their end. What one says on failing is in the error, with what was run. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";

async function textOf(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk;
  return text;
}

/** @returns what it printed. */
export async function run(command: string, args: readonly string[], input = ""): Promise<string> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  // One that ends before it has read everything says why itself.
  child.stdin.on("error", () => {}).end(input);
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, "close"),
    textOf(child.stdout),
    textOf(child.stderr),
  ]);
  if (code === 0) return stdout;
  throw new Error(
    `${command} ${args.join(" ")} ended with ${code ?? signal}: ${stderr.trim() || "(nothing on stderr)"}`,
  );
}

/** For teardown, where one failure must not keep the rest from being tried: an error is an empty answer. */
export function runRegardless(command: string, args: readonly string[]): string {
  return spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).stdout ?? "";
}

/** Many commands of ip(8) in one process, all of them or an error. */
export async function ipBatch(namespace: string, commands: readonly string[]): Promise<void> {
  await run("ip", ["-n", namespace, "-batch", "-"], `${commands.join("\n")}\n`);
}

/** A shell line inside a namespace, where /proc/sys/net and /sys/class/net are the namespace's own. */
export function inNamespace(namespace: string, shellLine: string): Promise<string> {
  return run("ip", ["netns", "exec", namespace, "sh", "-c", shellLine]);
}
