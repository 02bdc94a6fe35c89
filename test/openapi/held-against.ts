/** How this agent is held against a document of the original's: schemas, requests, answers. */
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { expect } from "vitest";
import type { Answer } from "../harness/sled.ts";
import { type Document, type Operation, toJsonSchema } from "./original.ts";
import type { Schema } from "./schema-arbitrary.ts";

/** A refusal's message begins with the place in the body that is wrong. */
export const NAMES_A_FIELD = /^(unable to parse JSON body: )?[a-z0-9_[][a-z0-9_.[\]:-]*: /;

/** Suites that do not run are read all the same. */
export const NO_DOCUMENT: Document = { paths: {}, components: { schemas: {} } };

/** A value of our own formats is checked by what makes use of it; here only the shape counts. */
export function validatorFor(schema: unknown, components: unknown) {
  const ajv = new Ajv({ strict: false, discriminator: true, validateFormats: true });
  addFormats.default(ajv);
  for (const format of [
    "ip",
    "mac",
    "cidr",
    "ipv4-cidr",
    "ipv6-cidr",
    "port-name",
    "socket-address",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uint",
  ]) {
    ajv.addFormat(format, true);
  }
  return ajv.compile({ ...(schema as object), components });
}

export interface OurDocument {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          { readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: object } } } }
        >
      >
    >
  >;
  readonly components: unknown;
}

export function* operationsOf(document: Document): Iterable<{ path: string; method: string; operation: Operation }> {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) yield { path, method, operation };
  }
}

export const bodySchema = ({ requestBody }: Operation): Schema | undefined =>
  requestBody?.content["application/json"].schema;

/** 24 bits is the one bound of ours that the original's document does not have. */
export function withoutLargeVnis(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLargeVnis);
  if (typeof value !== "object" || value === null) return value;
  const isVpc = "type" in value && value.type === "vpc";
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const vni = typeof inner === "number" && (key === "vni" || (isVpc && key === "value"));
      return [key, vni ? inner % 2 ** 24 : withoutLargeVnis(inner)];
    }),
  );
}

/** An answer of ours, with the status it has, is one that the document describes. */
export function expectAnswerOf(document: Document, path: string, method: string, answer: Answer): void {
  const responses = document.paths[path]?.[method]?.responses ?? {};
  const exact = String(answer.status);
  const code = responses[exact] === undefined ? `${exact[0]}XX` : exact;
  const described = responses[code];
  expect(described, `${method} ${path} ${exact}`).toBeDefined();
  const { schemas } = document.components;
  const schema = code.endsWith("XX") ? schemas.Error : described?.content?.["application/json"].schema;
  if (schema === undefined) {
    expect(answer.text).toBe("");
    return;
  }
  const valid = validatorFor(toJsonSchema(schema), toJsonSchema(document.components));
  expect(valid(answer.body), `${answer.text} ${JSON.stringify(valid.errors)}`).toBe(true);
}
