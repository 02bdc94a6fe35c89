/** The original's OpenAPI documents, where they are at hand beside the repository. */
import { existsSync, readFileSync } from "node:fs";
import type { Schema, Schemas } from "./schema-arbitrary.ts";

export interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: Schema } } };
  readonly responses: Readonly<
    Record<string, { readonly content?: { readonly "application/json": { readonly schema: Schema } } }>
  >;
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

/** Undefined, and said so, where the document is not there. */
export function originalDocument(version: 48 | 49, part: "multicast" | "ports" = "multicast"): Document | undefined {
  const url = new URL(`../../../shared/spec/sled-agent-${version}-${part}.openapi.json`, import.meta.url);
  if (!existsSync(url)) {
    console.log(
      `the original's document of version ${version} (${part}) is not at hand: what needs it is not tested here`,
    );
    return undefined;
  }
  return JSON.parse(readFileSync(url, "utf8")) as Document;
}

/** OpenAPI 3.0's `nullable` and sibling-free `$ref`s as JSON Schema, for a validator. */
export function toJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toJsonSchema);
  if (typeof schema !== "object" || schema === null) return schema;
  const { nullable, "x-rust-type": _rust, example: _example, ...rest } = schema as Record<string, unknown>;
  const converted = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, toJsonSchema(value)]));
  return nullable === true ? { anyOf: [converted, { type: "null" }] } : converted;
}
