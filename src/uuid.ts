/** UUIDs in the forms Rust's uuid crate reads: hyphenated, bare, `{…}` and `urn:uuid:…`, any case. */
import type { Brand } from "./net/brand.ts";

/** Lower case, hyphenated. */
export type Uuid = Brand<string, "Uuid">;

const HYPHENATED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const BARE = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;

export function parseUuid(text: string): Uuid | undefined {
  const inner = text.startsWith("urn:uuid:")
    ? text.slice("urn:uuid:".length)
    : text.startsWith("{") && text.endsWith("}")
      ? text.slice(1, -1)
      : text;
  const lower = inner.toLowerCase();
  const bare = inner === text ? BARE.exec(lower) : null;
  if (bare !== null) return bare.slice(1).join("-") as Uuid;
  return HYPHENATED.test(lower) ? (lower as Uuid) : undefined;
}
