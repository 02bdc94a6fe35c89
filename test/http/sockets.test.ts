/** What only a real socket shows: broken requests, streams, clients that go away. */
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Sled } from "../harness/sled.ts";
import { expectBadRequest, expectDone, expectError, UUID_V4 } from "./expect.ts";
import { M2P, populatedSled } from "./populated.ts";
import { exchange, listen, openSocket, requestText, send, type WireAnswer } from "./wire.ts";

const MIB = 1 << 20;
const MAPPING = JSON.stringify({ group: "239.2.2.2", underlay: "ff04::2" });

let sled: Sled;
let port: number;
beforeEach(async () => {
  sled = await populatedSled();
  port = await listen(sled);
});
afterEach(() => sled.close());

const only = (answers: readonly WireAnswer[]): WireAnswer => {
  expect(answers).toHaveLength(1);
  return answers[0] as WireAnswer;
};
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

describe("bytes that are no HTTP request", () => {
  test.each([
    ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"],
    ["a word", "hello\r\n\r\n"],
    ["a method that nobody knows", requestText(`FROB ${M2P}`)],
    ["a version that is none", `GET ${M2P} HTTP/x\r\n\r\n`],
    ["a header without a colon", requestText(`GET ${M2P}`, ["nonsense"])],
    ["a blank in the path", requestText("GET /networking/mcast m2p")],
    ["two lengths", requestText(`PUT ${M2P}`, ["content-length: 1", "content-length: 2"], "{}")],
    ["a length that is none", requestText(`PUT ${M2P}`, ["content-length: x"])],
    ["a length and chunks", requestText(`PUT ${M2P}`, ["transfer-encoding: chunked"], MAPPING)],
  ])("(%s) are 400 in the form of every error", async (_what, bytes) => {
    expectBadRequest(only(await exchange(port, bytes)));
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
  });

  test("(headers beyond all bounds) are 431", async () => {
    expectError(await send(port, `GET ${M2P}`, [`x: ${"a".repeat(64 << 10)}`]), { status: 431 });
  });

  test("do not trouble the next connection", async () => {
    await exchange(port, "hello\r\n\r\n");
    expect((await send(port, `GET ${M2P}`)).status).toBe(200);
  });

  test("after a good request leave its answer alone", async () => {
    const [first, second] = await exchange(port, `GET ${M2P} HTTP/1.1\r\nhost: sled\r\n\r\nnonsense\r\n\r\n`);
    expect(first?.status).toBe(200);
    expect(second?.status).toBe(400);
  });
});

describe("a chunked body", () => {
  test("is read, whatever its pieces", async () => {
    const body = [MAPPING.slice(0, 3), MAPPING.slice(3)].map(chunk).join("");
    const head = requestText(`PUT ${M2P}`, ["transfer-encoding: chunked"]);
    expectDone(only(await exchange(port, `${head}${body}0\r\n\r\n`)));
    expect(sled.mappings).toHaveProperty(["239.2.2.2"], "ff04::2");
  });

  test("that is broken is 400 and changes nothing", async () => {
    const head = requestText(`PUT ${M2P}`, ["transfer-encoding: chunked"]);
    const answers = await exchange(port, `${head}${chunk(MAPPING)}zz\r\n\r\n`);
    expectBadRequest(only(answers));
    expect(sled.mappings).not.toHaveProperty(["239.2.2.2"]);
  });
});

describe("a body over 1 MiB", () => {
  const upload = (headers: Record<string, string | number>) =>
    new Promise<WireAnswer>((resolve, reject) => {
      const call = request({ port, host: "127.0.0.1", method: "PUT", path: M2P, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => (text += part));
        response.on("end", () => {
          const { statusCode: status = 0, headers: got } = response;
          resolve({ status, headers: got as WireAnswer["headers"], text, body: JSON.parse(text) as never });
        });
        response.on("error", reject);
      });
      call.on("error", reject);
      call.end(Buffer.alloc(8 * MIB, " "));
    });

  test("is 413, which the client gets to read although it sends on", async () => {
    expectError(await upload({ "content-length": 8 * MIB }), { status: 413 });
  });

  test("is 413 also where it comes in chunks", async () => {
    expectError(await upload({ "transfer-encoding": "chunked" }), { status: 413 });
  });
});

describe("an expectation", () => {
  test("of 100-continue is met, and the request is served", async () => {
    const [early, late] = await exchange(port, requestText(`PUT ${M2P}`, ["expect: 100-continue"], MAPPING));
    expect(early?.status).toBe(100);
    expect(late?.status).toBe(204);
  });

  test.each(["200-ok", "sooner"])("of anything else is 417 in the form of every error: %s", async (expectation) => {
    expectError(await send(port, `PUT ${M2P}`, [`expect: ${expectation}`], MAPPING), { status: 417 });
    expect(sled.mappings).not.toHaveProperty(["239.2.2.2"]);
  });
});

describe("a request", () => {
  test.each(["HTTP/1.1", "HTTP/1.0"])("without a host is served (%s)", async (version) => {
    expect(only(await exchange(port, `GET ${M2P} ${version}\r\nconnection: close\r\n\r\n`)).status).toBe(200);
  });

  test("DELETE with a body and no content type is served", async () => {
    const body = JSON.stringify({ group: "239.1.1.1", underlay: "ff04::1" });
    expectDone(await send(port, `DELETE ${M2P}`, [], body));
    expect(sled.mappings).toEqual({});
  });

  test("sent on the heels of another is answered after it, on the same connection", async () => {
    const put = `PUT ${M2P} HTTP/1.1\r\nhost: sled\r\ncontent-length: ${MAPPING.length}\r\n\r\n${MAPPING}`;
    const [first, second, third] = await exchange(port, put + put + requestText(`GET ${M2P}`));
    expect([first?.status, second?.status, third?.status]).toEqual([204, 204, 200]);
    expect(third?.text).toContain("239.2.2.2");
  });

  test("to a list may have a body, which the next request is not mixed up with", async () => {
    const get = `GET ${M2P} HTTP/1.1\r\nhost: sled\r\ncontent-length: 7\r\n\r\ngarbage`;
    const answers = await exchange(port, get + requestText(`GET ${M2P}`));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });

  test("bears its own request id on each answer of a connection", async () => {
    const get = `GET ${M2P} HTTP/1.1\r\nhost: sled\r\n\r\n`;
    const answers = await exchange(port, get + get + requestText("GET /nothing"));
    const ids = answers.map(({ headers }) => headers["x-request-id"]);
    for (const id of ids) expect(id).toMatch(UUID_V4);
    expect(new Set(ids).size).toBe(3);
  });
});

describe("a client that goes away", () => {
  const head = `PUT ${M2P} HTTP/1.1\r\nhost: sled\r\ncontent-length: ${MAPPING.length}\r\n\r\n`;

  test("while its change is made does not stop it", async () => {
    sled.model.faults.inject({ command: "SetMcast2Phys", when: "before", delay: 150 });
    const socket = await openSocket(port);
    socket.write(head + MAPPING);
    await vi.waitFor(() => expect(sled.agent.status().driver.busyWith?.command).toBe("SetMcast2Phys"));
    socket.destroy();
    await vi.waitFor(() => expect(sled.mappings).toHaveProperty(["239.2.2.2"], "ff04::2"));
    expectDone(await sled.clearMapping("239.2.2.2", "ff04::2"));
  });

  test("while its change waits for its turn does not stop it", async () => {
    sled.model.faults.inject({ command: "SetMcast2Phys", when: "before", delay: 150 });
    const first = sled.setMapping("239.3.3.3", "ff04::3");
    await vi.waitFor(() => expect(sled.agent.status().driver.busyWith?.command).toBe("SetMcast2Phys"));
    const socket = await openSocket(port);
    socket.write(head + MAPPING);
    await vi.waitFor(() => expect(sled.agent.status().lane.waiting).toBe(1));
    socket.destroy();
    expectDone(await first);
    await vi.waitFor(() => expect(sled.mappings).toHaveProperty(["239.2.2.2"], "ff04::2"));
  });

  test("before its body is whole has changed nothing", async () => {
    const gone = new Promise((resolve) => sled.app.server.once("connection", (c) => c.once("close", resolve)));
    const socket = await openSocket(port);
    socket.write(head + MAPPING.slice(0, -1));
    socket.end();
    await gone;
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
  });
});
