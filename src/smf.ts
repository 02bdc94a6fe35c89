/**
 * The daemon's settings as an SMF instance has them: the property group `config` of its running snapshot, read with
 * svcprop(1). What svcprop prints is decided by illumos-gate `usr/src/cmd/svc/svcprop/svcprop.c`: a line for each
 * property with `group/name`, its type and its values (`display_prop`), and in a value a backslash before each character
 * that means something to the Bourne shell, a newline too, with `""` for the empty text (`quote_for_shell`).
 */
import { execFile } from "node:child_process";
import { KEYS, type Key, LISTS } from "./config.ts";
import { badRequest, messageOf } from "./error.ts";
import { BadSetting, type Settings } from "./settings.ts";

export const GROUP = "config";

/** A property's name may have no dot: libuutil's `uu_check_name` allows one only before a comma. */
export const propertyOf = (key: string): string => key.replaceAll(".", "_");

const KEY_BY_PROPERTY: ReadonlyMap<string, Key> = new Map(KEYS.map((key) => [propertyOf(key), key]));

/** What else the group may have: the start method's way to Node, who may change what (smf_security(7)), its stability. */
const NOT_OURS: ReadonlySet<string> = new Set([
  "node",
  "action_authorization",
  "modify_authorization",
  "read_authorization",
  "value_authorization",
  "stability",
]);

interface Property {
  readonly name: string;
  readonly type: string;
  readonly values: readonly string[];
}

const unread = (why: string) => new Error(`svcprop's answer cannot be read: ${why}`);

function unescaped(word: string): string {
  return word === '""' ? "" : word.replace(/\\(.)/gs, "$1");
}

/** A property without values has a blank after its type, and nothing behind it. */
function parseLine(words: readonly string[]): Property {
  const [path = "", type = "", ...values] = words;
  const name = path.startsWith(`${GROUP}/`) ? path.slice(GROUP.length + 1) : "";
  if (name === "" || type === "") {
    throw unread(`${JSON.stringify(words.join(" "))} is no property of the group ${GROUP}`);
  }
  return { name, type, values: values.filter((word) => word !== "").map(unescaped) };
}

export function parseSvcprop(text: string): Property[] {
  const properties: Property[] = [];
  let words: string[] = [];
  let read = 0;
  for (const [whole, word = "", end] of text.matchAll(/((?:\\.|[^\\ \n])*)([ \n])/gsy)) {
    read += whole.length;
    words.push(word);
    if (end === " ") continue;
    properties.push(parseLine(words));
    words = [];
  }
  if (read !== text.length || words.length > 0) throw unread("it ends in the middle of a line");
  return properties;
}

/** Digits stay text where a number would lose some. */
function typed(type: string, value: string): unknown {
  if (type === "boolean") return value === "true";
  const number = type === "count" || type === "integer" ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : value;
}

/** An empty text or list is how a property says that it is not set. */
function settingOf(key: Key, { name, type, values }: Property): unknown {
  if (values.every((value) => value === "")) return undefined;
  if (LISTS.has(key)) return values;
  const [value = "", ...more] = values;
  if (more.length > 0) throw badRequest(`${GROUP}/${name}: has ${values.length} values, and may have one`);
  return typed(type, value);
}

export function settingsOf(properties: readonly Property[]): Settings {
  const settings: Record<string, unknown> = {};
  for (const property of properties) {
    if (NOT_OURS.has(property.name)) continue;
    const key = KEY_BY_PROPERTY.get(property.name);
    if (key === undefined) {
      const known = [...KEY_BY_PROPERTY.keys()].join(", ");
      throw badRequest(`${GROUP}/${property.name}: no such setting; there are ${known}`);
    }
    const value = settingOf(key, property);
    if (value !== undefined) settings[key] = value;
  }
  return settings;
}

/** Runs a check of settings. What it finds wrong is said of the property, unless a flag said it. */
export function namingProperties<T>(flags: Settings, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof BadSetting)) throw error;
    const [key = error.key] = error.key.split("[", 1);
    if (key in flags || !KEY_BY_PROPERTY.has(propertyOf(key))) throw error;
    throw badRequest(`${GROUP}/${propertyOf(error.key)}: ${error.why}`);
  }
}

/** One instance, by its whole name: svcprop would take a part of it or a pattern as well, and answer of several. */
const INSTANCE = /^svc:\/[A-Za-z0-9][A-Za-z0-9_.,/-]*:[A-Za-z0-9][A-Za-z0-9_.,-]*$/;

/** The repository answers in milliseconds; one that does not is not waited for longer than this. */
const ANSWER_WITHIN_MS = 10_000;
/** A thousand times what the group has. */
const MOST_BYTES = 4 << 20;

interface Answer {
  readonly stdout: Buffer;
  /** What the child ended with that was no success. */
  readonly failure?: { readonly code?: unknown; readonly signal?: unknown; readonly stderr: string };
}

function svcprop(fmri: string): Promise<Answer> {
  const limits = { timeout: ANSWER_WITHIN_MS, killSignal: "SIGKILL", maxBuffer: MOST_BYTES } as const;
  return new Promise((resolve) => {
    execFile("svcprop", ["-p", GROUP, fmri], { ...limits, encoding: "buffer" }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout });
      else resolve({ stdout, failure: { code: error.code, signal: error.signal, stderr: stderr.toString().trim() } });
    });
  });
}

/** A wrong name is the caller's mistake; a repository that does not answer may do so at the next start. */
function failed(fmri: string, { code, signal, stderr }: NonNullable<Answer["failure"]>): Error {
  const what = `--smf ${fmri}: svcprop`;
  if (code === "ENOENT") return badRequest(`${what} is not in PATH: --smf is for illumos, elsewhere use --config`);
  if (typeof code === "number") return badRequest(`${what} ended with ${code}: ${stderr}`);
  if (signal === "SIGKILL") return new Error(`${what} did not answer in ${ANSWER_WITHIN_MS / 1000} s`);
  return new Error(`${what} failed: ${String(code ?? signal)}`);
}

/** The settings that this instance has now: those of its running snapshot, as `svcadm refresh` made it. */
export async function readSmf(fmri: string): Promise<Settings> {
  if (!INSTANCE.test(fmri)) {
    throw badRequest(`--smf ${fmri}: not an instance's name, such as svc:/oxide/sledcast:default`);
  }
  for (;;) {
    const { stdout, failure } = await svcprop(fmri);
    // A refresh sends its signal to every process of the service's contract, and svcprop is one while it runs.
    if (failure?.signal === "SIGHUP") continue;
    if (failure !== undefined) throw failed(fmri, failure);
    let text: string;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(stdout);
    } catch (error) {
      throw badRequest(`--smf ${fmri}: a property of ${GROUP} is not UTF-8: ${messageOf(error)}`);
    }
    return settingsOf(parseSvcprop(text));
  }
}
