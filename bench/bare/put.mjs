/** Fastify and nothing else: a body of two strings is checked, logged and answered 204. Argument: the port. */
import fastify from "fastify";

const body = {
  type: "object",
  properties: { group: { type: "string" }, underlay: { type: "string" } },
  required: ["group", "underlay"],
};

const app = fastify({ logger: true });
app.get("/readyz", async () => ({ ready: true }));
app.put("/networking/mcast-m2p", { schema: { body } }, async (_request, reply) => reply.code(204).send());
await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
