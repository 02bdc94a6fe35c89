/** What a client may take: connections, headers, time. All but the first of these are cut in milliseconds here. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { limitsOf } from "../../src/http/doors/limits.ts";
import { expectDone, expectError } from "../http/expect.ts";
import { exchange, openSocket, requestText, send } from "../http/wire.ts";
import { audited, call, limits, M2P, MAPPING, put, served } from "./kit.ts";

const BODY = JSON.stringify(MAPPING);
const soon = { headersMs: 100, requestMs: 200, lookEveryMs: 20 };

async function received(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await once(socket, "close");
  return text;
}

describe("connections", () => {
  test("are 4096 at once, unless the settings say another number", () => {
    const settings = { maxHeaderBytes: 16_384, requestSeconds: 60 };
    expect(limitsOf({ ...settings, maxConnections: 4096 }).connections).toBe(4096);
    expect(limitsOf({ ...settings, maxConnections: 7 }).connections).toBe(7);
  });

  test("beyond the limit are closed, counted and said once, and those within it go on", async () => {
    const { sled, port } = await served({ limits: limits({ connections: 2 }) });
    const [first, second] = [await openSocket(port), await openSocket(port)];
    onTestFinished(() => void second.destroy());
    for (const _ of [3, 4, 5]) {
      const refused = connect(port, "127.0.0.1").on("error", () => {});
      await once(refused, "close");
    }
    const answered = received(first);
    first.write(requestText(`GET ${M2P}`));
    expect(await answered).toMatch(/^HTTP\/1\.1 200/);
    expect(sled.log.records.filter(({ message }) => message.includes("limits.connections"))).toHaveLength(1);
    expect((await sled.metrics.scrape()).text).toContain("sledcast_http_connections_refused_total 3");
  });
});

describe("headers", () => {
  test("beyond the bytes that are set are 431 in the form of every error, and name the setting", async () => {
    const { port } = await served({ limits: limits({ headerBytes: 2048 }) });
    const answer = await send(port, `GET ${M2P}`, [`x: ${"a".repeat(4096)}`]);
    expectError(answer, { status: 431, names: "limits.header_bytes" });
  });

  test("that are too many are 431 in the form of every error", async () => {
    const { port } = await served();
    const many = Array.from({ length: 300 }, (_, i) => `x${i}: 1`);
    expectError(await send(port, `PUT ${M2P}`, many, BODY), { status: 431, names: "256 headers" });
  });

  test("that do not end in time are 408, also where nothing at all comes, which is no request for the audit", async () => {
    const at = await served({ limits: limits(soon) });
    const { port } = at;
    for (const beginning of ["", `GET ${M2P} HTTP/1.1\r\nhost: `]) {
      const [answer, ...more] = await exchange(port, beginning);
      expect(more).toEqual([]);
      if (answer === undefined) throw new Error("no answer");
      expectError(answer, { status: 408, names: "limits.request_seconds" });
    }
    expect(audited(at)).toMatchObject([{ message: "broken request", fields: { response_code: 408 } }]);
  });
});

describe("a request", () => {
  test("whose body does not end in time is 408 once, is in the log once, and changes nothing", async () => {
    const at = await served({ limits: limits(soon) });
    const head = `PUT ${M2P} HTTP/1.1\r\nhost: sled\r\ncontent-length: ${BODY.length}\r\n\r\n`;
    const answers = await exchange(at.port, head + BODY.slice(0, 5));
    expect(answers.map(({ status }) => status)).toEqual([408]);
    expect(at.sled.mappings).toEqual({});
    const records = at.sled.log.records.filter(({ fields }) => fields.response_code !== undefined);
    expect(records.map(({ fields }) => [fields.method, fields.response_code, fields.audit])).toEqual([
      ["PUT", 408, true],
    ]);
  });

  test("that was refused before its body came is answered once, and the slow rest of it is cut", async () => {
    const { port } = await served({ limits: limits(soon) });
    const answers = await exchange(port, `PUT /nothing HTTP/1.1\r\nhost: sled\r\ncontent-length: 50\r\n\r\n{`);
    expect(answers.map(({ status }) => status)).toEqual([404]);
  });

  test("has the whole of its time for the answer, however short that for the request is", async () => {
    const { sled, port } = await served({ limits: limits(soon) });
    const letGo = sled.hold("SetMcast2Phys");
    const answer = put(port);
    await vi.waitFor(() => expect(sled.agent.status().driver.busyWith?.command).toBe("SetMcast2Phys"));
    await new Promise((resolve) => setTimeout(resolve, 2 * soon.requestMs));
    letGo();
    expectDone(await answer);
  });
});

describe("a connection", () => {
  test("on which nothing is asked after an answer is closed", async () => {
    const { port } = await served({ limits: limits({ idleMs: 50 }) });
    const socket = await openSocket(port);
    const all = received(socket);
    socket.write(`GET ${M2P} HTTP/1.1\r\nhost: sled\r\n\r\n`);
    expect((await all).match(/HTTP\/1\.1 200/g)).toHaveLength(1);
  });

  test("whose client does not read its answers is cut, and others are served meanwhile", async () => {
    const { sled, port } = await served({ limits: limits({ silentMs: 600 }) });
    const closed = new Promise((resolve) => sled.app.server.once("connection", (c) => c.once("close", resolve)));
    const socket = await openSocket(port);
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.pause();
    // Answers of far more than both sides' buffers hold.
    socket.write(`GET /openapi.json HTTP/1.1\r\nhost: sled\r\n\r\n`.repeat(60));
    expect((await call(port)).status).toBe(200);
    await closed;
    expect((await call(port)).status).toBe(200);
  });
});

test("a CONNECT is told that this is no proxy, and is in the log", async () => {
  const at = await served();
  expectError((await exchange(at.port, "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n"))[0] as never, { status: 405 });
  expect(audited(at)).toHaveLength(1);
});

test.each(["CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", `GET ${M2P} HTTP/1.1\r\nhost: `])(
  "a client that does not end its side, told that this is no request of ours, is cut (%#)",
  async (beginning) => {
    const { port } = await served({ limits: limits(soon) });
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    // The answer is read, and its end.
    const ended = once(socket.resume(), "end");
    socket.write(beginning);
    await ended;
    // What is written to a connection that is there no more is an error.
    const gone = once(socket, "close").catch((error: NodeJS.ErrnoException) => error.code);
    const writing = setInterval(() => socket.write("x"), 50);
    onTestFinished(() => clearInterval(writing));
    expect(await gone).toMatch(/^(EPIPE|ECONNRESET)$/);
  },
);

describe("a server that closes", () => {
  test("does not wait for the rest of a request as long as its client likes", async () => {
    const { sled, port } = await served({ limits: limits({ closingMs: 50 }) });
    const socket = await openSocket(port);
    const closed = new Promise((resolve) => socket.on("error", () => {}).once("close", resolve));
    socket.write(`PUT ${M2P} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n`);
    await once(socket, "data");
    await sled.app.close();
    await closed;
    expect(sled.mappings).toEqual({});
  });
});
