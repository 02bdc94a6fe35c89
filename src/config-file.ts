/** The daemon's settings as a TOML file has them. */
import { KEYS } from "./config.ts";
import { badRequest, messageOf } from "./error.ts";
import { readRegular } from "./host/private-file.ts";
import { type Settings, wrong } from "./settings.ts";

const TABLES: ReadonlySet<string> = new Set(
  KEYS.flatMap((key) => (key.includes(".") ? [key.split(".")[0] as string] : [])),
);

/** A file's tables as dotted keys: `[log] level = …` is `log.level`. */
function flatten(table: Settings): Record<string, unknown> {
  // Without a prototype `__proto__` is a key like any other, and refused like one.
  const flat: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(table)) {
    if (!TABLES.has(key)) flat[key] = value;
    else if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(key, "must be a table");
    else for (const [inner, one] of Object.entries(value)) flat[`${key}.${inner}`] = one;
  }
  return flat;
}

export async function readConfigFile(path: string): Promise<Settings> {
  let content: string;
  try {
    content = readRegular(path);
  } catch (error) {
    throw badRequest(`--config ${path}: ${messageOf(error)}`);
  }
  const { parse: parseToml } = await import("smol-toml");
  try {
    return flatten(parseToml(content));
  } catch (error) {
    throw badRequest(`--config ${path}: ${messageOf(error)}`);
  }
}
