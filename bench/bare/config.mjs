/** Fastify and nothing else: a configuration is parsed, checked by the schema that the daemon has, and answered. Argument: the port. */
import fastify from "fastify";
import { config as body } from "../../dist/http/schemas/config.js";
import { parseIp, parseIpv6 } from "../../dist/net/ip.js";

const app = fastify({
  logger: true,
  bodyLimit: 32 << 20,
  ajv: {
    customOptions: {
      strict: false,
      formats: { ip: (text) => parseIp(text) !== undefined, ipv6: (text) => parseIpv6(text) !== undefined },
    },
  },
});
app.get("/readyz", async () => ({ ready: true }));
app.put("/multicast/config", { schema: { body } }, async ({ body: { generation, m2p, forwarding } }) => ({
  generation,
  applied: m2p.length + forwarding.length,
  failed: [],
}));
await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
