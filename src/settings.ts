/** Values of settings as a file, flags or SMF give them, and what each may be. What is wrong is named by its key. */
import { SledcastError } from "./error.ts";

/** Values by key, as the file or the flags give them. */
export type Settings = Readonly<Record<string, unknown>>;

/** A setting that cannot be used; the message begins with its key. */
export class BadSetting extends SledcastError {
  readonly key: string;
  readonly why: string;

  constructor(key: string, why: string) {
    super("bad-request", `${key}: ${why}`);
    this.key = key;
    this.why = why;
  }
}

export const wrong = (key: string, why: string) => new BadSetting(key, why);

export function text(key: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw wrong(key, "must be a text, and not an empty one");
  if (value.includes("\0")) throw wrong(key, "has a NUL in it");
  return value;
}

export function flag(key: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw wrong(key, "must be true or false");
  return value;
}

export function oneOf<const T extends string>(key: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw wrong(key, `${JSON.stringify(value)} is not one of ${allowed.join(", ")}`);
  return found;
}

export function texts(key: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw wrong(key, "must be a list of texts");
  return value.map((one, i) => text(`${key}[${i}]`, one));
}

export function distinct(key: string, value: unknown): string[] {
  const all = texts(key, value);
  const twice = all.find((one, i) => all.indexOf(one) !== i);
  if (twice !== undefined) throw wrong(key, `${twice} is named twice`);
  return all;
}

/** A flag's text or a file's number. */
export function seconds(key: string, given: unknown): number {
  const value = typeof given === "string" && /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : given;
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0 || value > 86_400) {
    throw wrong(key, `${JSON.stringify(given)} is not a number of seconds between 0 and 86400`);
  }
  return value;
}

/** A flag's text or a file's number. */
export function count(key: string, given: unknown, least: number, most: number): number {
  const value = typeof given === "string" && /^\d+$/.test(given) ? Number(given) : given;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw wrong(key, `${JSON.stringify(given)} is not a whole number from ${least} to ${most}`);
  }
  return value;
}
