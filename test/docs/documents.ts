/** The pages for readers, and the fenced blocks in them. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export const read = (file: string): string => readFileSync(`${ROOT}/${file}`, "utf8");

const pagesOf = (folder: string) =>
  readdirSync(`${ROOT}/${folder}`)
    .filter((name) => name.endsWith(".md"))
    .map((name) => (folder === "." ? name : `${folder}/${name}`));

export const DOCUMENTS: readonly string[] = [...pagesOf("."), ...pagesOf("docs")];

/**
 * What becomes of a block of commands: `run` here; only checked because it is for `illumos`, or because it takes root, a
 * network, much time or a terminal and is typed `by-hand`.
 */
export type Use = "run" | "illumos" | "by-hand";

export interface Fence {
  readonly document: string;
  /** Of its opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** What follows the language. */
  readonly info: string;
  readonly text: string;
}

export const placeOf = ({ document, line }: Fence): string => `${document}:${line}`;

export function useOf(fence: Fence): Use {
  const { info } = fence;
  if (info === "") return "run";
  if (info === "illumos" || info === "by-hand") return info;
  throw new Error(`${placeOf(fence)}: commands are for running, "illumos" or "by-hand", and not ${info}`);
}

export function fencesOf(document: string): Fence[] {
  const fences: Fence[] = [];
  let open: { line: number; language: string; info: string; lines: string[] } | undefined;
  for (const [i, line] of read(document).split("\n").entries()) {
    const [, words] = /^ *```(.*)$/.exec(line) ?? [];
    if (words === undefined) open?.lines.push(line);
    else if (open === undefined) {
      const [language = "", ...rest] = words.trim().split(" ");
      open = { line: i + 1, language, info: rest.join(" "), lines: [] };
    } else {
      const { lines, ...head } = open;
      fences.push({ document, ...head, text: `${lines.join("\n")}\n` });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${document}:${open.line}: the block does not end`);
  return fences;
}
