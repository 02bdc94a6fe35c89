/** The administrator's tool and an agent that ends a connection instead of answering on it. */
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentClient } from "../../src/cli/client.ts";

let server: Server;
beforeAll(async () => {
  server = createServer((socket) => {
    // Data that nobody read makes a reset of the end, as when a body is refused for its size.
    socket.on("error", () => {}).once("data", () => socket.resetAndDestroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => server.close());

test("a connection that is cut while a request is sent is not taken for an agent that is not there", async () => {
  const { port } = server.address() as { port: number };
  const call = new AgentClient(`http://127.0.0.1:${port}`).call("PUT", "/multicast/config", "x".repeat(1 << 20));
  await expect(call).rejects.toThrow(/^http:\/\/127\.0\.0\.1:\d+ ended the connection .+ too large/);
});
