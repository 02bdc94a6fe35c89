/** Random values of a schema of an OpenAPI 3.0 document: what a client generated from it could send. */
import fc from "fast-check";

export interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly type?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly nullable?: boolean;
  readonly minimum?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly uniqueItems?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

export type Schemas = Readonly<Record<string, Schema>>;

const INTEGER_BITS: Readonly<Record<string, number>> = { uint8: 8, uint16: 16, uint32: 32, uint64: 64, uint: 64 };

const hexDigit = fc.constantFrom(..."0123456789abcdef");
const hexText = (min: number, max: number) => fc.string({ unit: hexDigit, minLength: min, maxLength: max });

const FORMATS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  ipv4: fc.ipV4(),
  ipv6: fc.ipV6(),
  ip: fc.oneof(fc.ipV4(), fc.ipV6()),
  uuid: fc.uuid(),
  "date-time": fc
    .date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true })
    .map((date) => date.toISOString()),
};

/** The document's patterned strings, by what their pattern is of. */
const PATTERNED: readonly (readonly [hint: RegExp, arbitrary: fc.Arbitrary<string>])[] = [
  [/^\^\(\?!/, fc.tuple(fc.constantFrom(..."abcxyz"), hexText(0, 20)).map(([first, rest]) => first + rest)],
  [/\?<!-/, fc.array(hexText(1, 10), { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."))],
  [/25\[0-5\].*3\[0-2\]\)\$$/, fc.tuple(fc.ipV4(), fc.nat(32)).map(([ip, length]) => `${ip}/${length}`)],
  [/12\[0-8\]/, fc.tuple(fc.ipV6(), fc.nat(128)).map(([ip, length]) => `${ip}/${length}`)],
  [/\{0,2\}:\)\{5\}/, fc.array(hexText(0, 2), { minLength: 6, maxLength: 6 }).map((parts) => parts.join(":"))],
  [/\{1,5\}/, fc.tuple(fc.integer({ min: 1, max: 99_999 }), fc.option(fc.nat(99_999))).map(range)],
  [/\{1,3\}/, fc.tuple(fc.nat(999), fc.option(fc.nat(999))).map(range)],
];

function range([first, last]: readonly [number, number | null]): string {
  return last === null ? String(first) : `${first}-${last}`;
}

function text({ pattern, format, enum: words }: Schema): fc.Arbitrary<unknown> {
  if (words !== undefined) return fc.constantFrom(...words);
  if (pattern !== undefined) {
    const known = PATTERNED.find(([hint]) => hint.test(pattern));
    if (known === undefined) throw new Error(`no values known for the pattern ${pattern}`);
    return known[1];
  }
  if (format !== undefined) {
    const known = FORMATS[format];
    if (known === undefined) throw new Error(`no values known for the format ${format}`);
    return known;
  }
  return fc.string({ unit: "grapheme", maxLength: 20 });
}

function integer({ format = "uint64", minimum = 0 }: Schema): fc.Arbitrary<unknown> {
  const bits = INTEGER_BITS[format] ?? 64;
  // Beyond 2^53 a JavaScript client cannot say a number exactly.
  return fc.maxSafeInteger().map((n) => Math.max(minimum, Math.abs(n) % 2 ** Math.min(bits, 53)));
}

/** Values to be used for a named schema in place of those made from it. */
export type Instead = Readonly<Record<string, fc.Arbitrary<unknown>>>;

function object(schema: Schema, schemas: Schemas, instead: Instead): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties: additional } = schema;
  if (typeof additional === "object")
    return fc.dictionary(hexText(1, 8), arbitraryOf(additional, schemas, instead), { maxKeys: 3 });
  const record = Object.fromEntries(
    Object.entries(properties).map(([key, inner]) => [key, arbitraryOf(inner, schemas, instead)]),
  );
  return fc.record(record, { requiredKeys: required as string[] });
}

function notNull(schema: Schema, schemas: Schemas, instead: Instead): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) as string;
    return instead[name] ?? arbitraryOf(schemas[name] as Schema, schemas, instead);
  }
  if (schema.allOf !== undefined) return arbitraryOf(schema.allOf[0] as Schema, schemas, instead);
  if (schema.oneOf !== undefined) return fc.oneof(...schema.oneOf.map((one) => arbitraryOf(one, schemas, instead)));
  switch (schema.type) {
    case "string":
      return text(schema);
    case "integer":
      return integer(schema);
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(arbitraryOf(schema.items as Schema, schemas, instead), { maxLength: 3 });
    case "object":
      return object(schema, schemas, instead);
    default:
      throw new Error(`no values known for ${JSON.stringify(schema)}`);
  }
}

export function arbitraryOf(schema: Schema, schemas: Schemas, instead: Instead = {}): fc.Arbitrary<unknown> {
  const values = notNull(schema, schemas, instead);
  return schema.nullable
    ? fc.oneof({ weight: 3, arbitrary: values }, { weight: 1, arbitrary: fc.constant(null) })
    : values;
}
