/**
 * `/openapi.json`, and `/docs` to read it: made from the schemas that validate. What makes them is
 * loaded when somebody reads them, which few starts see.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { DescribedRoute, Documentation } from "./documentation.ts";
import { HttpError } from "./errors.ts";

/** To be called before there are routes. */
export function describeApi(app: FastifyInstance): void {
  const routes: DescribedRoute[] = [];
  app.addHook("onRoute", ({ method, url, schema }) => {
    if (schema !== undefined && schema.hide !== true) routes.push({ method, url, schema });
  });
  let made: Promise<Documentation> | undefined;
  const documentation = () => {
    made ??= import("./documentation.ts").then(({ documentationOf }) => documentationOf(routes));
    return made;
  };
  app.addHook("onClose", async () => (await made)?.page.close());

  const schema = { hide: true };
  app.get("/openapi.json", { schema }, async () => (await documentation()).document);
  const read = async (request: FastifyRequest, reply: FastifyReply) => {
    const { page } = await documentation();
    const answer = await page.inject({ method: "GET", url: request.url, headers: request.headers });
    if (answer.statusCode === 404) throw new HttpError(404, "Not Found");
    const { connection: _, ...headers } = answer.headers;
    return reply.code(answer.statusCode).headers(headers).send(answer.rawPayload);
  };
  app.get("/docs", { schema }, read);
  app.get("/docs/*", { schema }, read);
}
