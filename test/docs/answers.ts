/** What a document says that a command answers, held against what it did answer. `…` stands for anything. */
import { isDeepStrictEqual } from "node:util";

const ANYTHING = "…";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A key `…` allows further fields, an element `…` further elements. */
function matches(said: unknown, was: unknown): boolean {
  if (said === ANYTHING) return true;
  if (typeof said === "string" && said.includes(ANYTHING)) return typeof was === "string" && textMatches(said, was);
  if (Array.isArray(said)) {
    if (!Array.isArray(was)) return false;
    const named = said.filter((one) => one !== ANYTHING);
    if (named.length < said.length) return named.every((one) => was.some((other) => matches(one, other)));
    return said.length === was.length && said.every((one, i) => matches(one, was[i]));
  }
  if (!isObject(said)) return isDeepStrictEqual(said, was);
  if (!isObject(was)) return false;
  const { [ANYTHING]: more, ...named } = said;
  if (more === undefined && Object.keys(was).length !== Object.keys(named).length) return false;
  return Object.entries(named).every(([key, value]) => key in was && matches(value, was[key]));
}

function textMatches(said: string, was: string): boolean {
  const pattern = said.split(ANYTHING).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(pattern.join("[\\s\\S]*?")).test(was);
}

/** Where the object or list that begins there ends: behind its last bracket, if it has one. */
function endOf(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === "\\") at++;
    } else if ("{[".includes(character)) depth++;
    else if ("}]".includes(character) && --depth === 0) return at + 1;
  }
  return undefined;
}

/** The objects and lists in an output: curl puts one straight behind the other. */
function valuesIn(output: string): unknown[] {
  const values: unknown[] = [];
  for (let at = output.search(/[[{]/); at >= 0; ) {
    const end = endOf(output, at);
    if (end === undefined) break;
    try {
      values.push(JSON.parse(output.slice(at, end)));
    } catch {
      // Brackets of something else.
    }
    const next = output.slice(end).search(/[[{]/);
    at = next < 0 ? -1 : end + next;
  }
  return values;
}

export function isAnswered(language: string, said: string, output: string): boolean {
  if (language !== "json") return textMatches(said.trim(), output);
  const wanted = JSON.parse(said);
  return valuesIn(output).some((value) => matches(wanted, value));
}
