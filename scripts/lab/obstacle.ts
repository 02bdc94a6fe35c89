/** Why a lab cannot be built here. */
import { spawnSync } from "node:child_process";

const succeeds = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** @returns undefined: it can. */
export function labObstacle(): string | undefined {
  if (process.platform !== "linux") return `a lab is made of Linux network namespaces, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "a lab needs root, to make network namespaces: run it with sudo";
  if (!succeeds("ip", "-V")) return "a lab needs the ip command: install iproute2";
  if (!succeeds("cc", "--version"))
    return "a lab needs a C compiler (cc), for the program that sends and counts packets";
  return undefined;
}
