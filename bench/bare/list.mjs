/** Fastify and nothing else: the list on standard input, made JSON for each request. Argument: the port. */
import { readFileSync } from "node:fs";
import fastify from "fastify";

const list = JSON.parse(readFileSync(0, "utf8"));

const app = fastify({ logger: true });
app.get("/readyz", async () => ({ ready: true }));
app.get("/networking/mcast-m2p", async (_request, reply) =>
  reply.header("content-type", "application/json").send(JSON.stringify(list)),
);
await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
