/**
 * Fastify with the daemon's plugins, one route and nothing else, to be started. Arguments: the port,
 * and `prom-client` to load that too.
 */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import fastify from "fastify";
import "pino";

const [port, library] = process.argv.slice(2);
if (library === "prom-client") await import("prom-client");

const app = fastify({ logger: true });
await app.register(swagger, { openapi: { openapi: "3.1.0", info: { title: "bare", version: "0.0.0" } } });
app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
await app.register(swaggerUi, { routePrefix: "/docs" });
app.get("/readyz", async () => ({ ready: true }));
await app.listen({ host: "127.0.0.1", port: Number(port) });
