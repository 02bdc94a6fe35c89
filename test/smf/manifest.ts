/** The service's manifest, and what svcprop prints of it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Element, one, parseXml } from "./xml.ts";

export const MANIFEST = fileURLToPath(new URL("../../smf/sledcast.xml", import.meta.url));
export const TEXT = readFileSync(MANIFEST, "utf8");
export const ROOT = parseXml(TEXT);

export interface Property {
  readonly type: string;
  readonly values: readonly string[];
}

/** As a `property_group` declares them. */
export function propertiesOf(group: Element): Map<string, Property> {
  return new Map(
    group.children.map(({ name: kind, attributes: { name = "", type = "", value } }) => {
      if (kind === "propval" && value !== undefined) return [name, { type, values: [value] }];
      if (kind === "property") return [name, { type, values: [] }];
      throw new Error(`${kind} ${name} is of no use here`);
    }),
  );
}

export const CONFIG = propertiesOf(one(ROOT, "property_group", { name: "config" }));

/** Illumos' `svcprop.c`, `quote_for_shell`: what it puts a backslash before. */
const METACHARACTERS = new Set(";&()|^<>\n \t\\\"'`");

function quoted(value: string): string {
  if (value === "") return '""';
  return [...value].map((each) => (METACHARACTERS.has(each) ? `\\${each}` : each)).join("");
}

/** Illumos' `svcprop.c`, `display_pg`: each property of a group in a line, with its type. */
export function svcpropText(properties: ReadonlyMap<string, Property>): string {
  const lines = [...properties].map(
    ([name, { type, values }]) => `config/${name} ${type} ${values.map(quoted).join(" ")}\n`,
  );
  return lines.join("");
}
