/**
 * The document and the page to read it, made by an application of their own that has the same
 * routes and serves nothing else.
 */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import fastify, { type FastifyInstance, type RouteOptions } from "fastify";
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

export interface Documentation {
  readonly document: Json;
  /** Serves what is under `/docs`, to those who inject. */
  readonly page: FastifyInstance;
}

export type DescribedRoute = Pick<RouteOptions, "method" | "url" | "schema">;

export async function documentationOf(routes: readonly DescribedRoute[]): Promise<Documentation> {
  const page = fastify({ exposeHeadRoutes: false });
  page.setValidatorCompiler(() => () => true);
  page.setSerializerCompiler(() => (data) => JSON.stringify(data));
  await page.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "sledcast",
        description:
          "The multicast endpoints of the sled-agent API and those that share the ports of its VMMs (version 49.0.0, in the `api-version` header; the newest where it is left out) and what this agent adds.",
        version: VERSION,
        license: { name: "MPL-2.0", identifier: "MPL-2.0" },
      },
    },
  });
  let named: Json | undefined;
  const document = (): Json => {
    named ??= nameSchemas(page.swagger() as unknown as Json);
    return named;
  };
  await page.register(swaggerUi, {
    routePrefix: "/docs",
    transformSpecification: document,
    transformSpecificationClone: false,
  });
  for (const route of routes) page.route({ ...route, handler: async () => {} });
  await page.ready();
  return { document: document(), page };
}
