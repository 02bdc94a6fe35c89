/** UUIDs in the forms Rust's uuid crate reads: hyphenated, bare, `{…}` and `urn:uuid:…`, any case. */
import type { Brand } from "./net/brand.ts";

/** Lower case, hyphenated. */
export type Uuid = Brand<string, "Uuid">;

const HYPHENATED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const BARE = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;

export function parseUuid(text: string): Uuid | undefined {
  let lower = text.toLowerCase();
  const bare = BARE.exec(lower);
  if (bare !== null) return bare.slice(1).join("-") as Uuid;
  if (lower.startsWith("urn:uuid:")) lower = lower.slice("urn:uuid:".length);
  else if (lower.startsWith("{") && lower.endsWith("}")) lower = lower.slice(1, -1);
  return HYPHENATED.test(lower) ? (lower as Uuid) : undefined;
}
