/** The administrator's tool and an agent that ends a connection instead of answering on it. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
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

test("one that takes a request and does not answer in time is not taken for one that is not there either", async () => {
  const silent = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void silent.close());
  const { port } = silent.address() as { port: number };
  const call = new AgentClient(`http://127.0.0.1:${port}`, {}, 50).call("GET", "/multicast/status");
  await expect(call).rejects.toMatchObject({
    message: expect.stringMatching(/ has not answered for 0\.05 s; /),
    isAbsent: false,
  });
});

describe("a Unix socket", () => {
  test("that is not there is an agent that is not there", async () => {
    const call = new AgentClient("unix:/no/socket").call("GET", "/multicast/status");
    await expect(call).rejects.toMatchObject({
      message: expect.stringContaining("is sledcastd running?"),
      isAbsent: true,
    });
  });

  test("that this user may not connect to says who may", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "client-"));
    const socket = path.join(folder, "socket");
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(socket, resolve));
    chmodSync(socket, 0);
    chmodSync(folder, 0o755);
    const isRoot = process.geteuid?.() === 0;
    onTestFinished(() => {
      if (isRoot) process.seteuid?.(0);
      closed.close();
      rmSync(folder, { recursive: true });
    });
    // Nothing is closed to root.
    if (isRoot) process.seteuid?.(65534);
    await expect(new AgentClient(`unix:${socket}`).call("GET", "/multicast/status")).rejects.toMatchObject({
      message: expect.stringMatching(/^no way to the agent at unix:.+ \(EACCES\): .+socket\.group/),
      isAbsent: false,
    });
  });
});
