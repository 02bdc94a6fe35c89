/** `/openapi.json`, and `/docs` to read it: made from the schemas that validate. */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { VERSION } from "../version.ts";

type Json = { [key: string]: unknown };

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Schemas with a title become components, so that a reader meets each type once. */
function nameSchemas(document: Json): Json {
  const schemas: Json = {};
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (!isObject(value)) return value;
    const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, visit(inner)]));
    const { title } = copy;
    if (typeof title !== "string" || (copy.type === undefined && copy.oneOf === undefined)) return copy;
    schemas[title] ??= copy;
    return { $ref: `#/components/schemas/${title}` };
  };
  const paths = visit(document.paths);
  return { ...document, paths, components: { ...(document.components as Json | undefined), schemas } };
}

export async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "sledcast",
        description:
          "The multicast endpoints of the sled-agent API (version 49.0.0, in the `api-version` header; the newest where it is left out) and what this agent adds.",
        version: VERSION,
        license: { name: "MPL-2.0", identifier: "MPL-2.0" },
      },
    },
  });
  let named: Json | undefined;
  const document = (): Json => {
    named ??= nameSchemas(app.swagger() as unknown as Json);
    return named;
  };
  app.get("/openapi.json", { schema: { hide: true } }, async () => document());
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    transformSpecification: document,
    transformSpecificationClone: false,
  });
}
