/**
 * What belongs to which lab. A lab's namespaces and its folder have its id in their names, and the
 * id says which process built it: what a killed one left is found by that and removed.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runRegardless } from "./run.ts";

const PREFIX = "sledlab";
const ID = new RegExp(`^(${PREFIX}-(\\d+)-(\\d+)-\\d+)(?:-|$)`);
/** Where ip(8) keeps the names of namespaces. */
const NAMESPACES = "/run/netns";

/** When a process began, in clock ticks since boot: with its id this names it for good. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name, and can have blanks and brackets in it.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

let built = 0;

export function newLabId(): string {
  return `${PREFIX}-${process.pid}-${startOf(process.pid)}-${++built}`;
}

/** The folder is empty or absent when a lab begins, as no other process has its id. */
export function folderOf(id: string): string {
  return path.join(tmpdir(), id);
}

function entriesOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Ends every process in the lab's namespaces and removes them and its folder. At once, so that it can be done at exit. */
export function removeLab(id: string): void {
  for (const namespace of entriesOf(NAMESPACES).filter((name) => name.startsWith(`${id}-`))) {
    for (const pid of runRegardless("ip", ["netns", "pids", namespace]).split("\n").filter(Boolean)) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    runRegardless("ip", ["netns", "del", namespace]);
  }
  rmSync(folderOf(id), { recursive: true, force: true });
}

/** @returns the ids of the labs whose process is gone; nothing is left of them. */
export function removeLeftovers(): string[] {
  const ids = new Set<string>();
  for (const name of [...entriesOf(NAMESPACES), ...entriesOf(tmpdir())]) {
    const [, id, pid, start] = ID.exec(name) ?? [];
    if (id !== undefined && startOf(Number(pid)) !== start) ids.add(id);
  }
  for (const id of ids) removeLab(id);
  return [...ids];
}
