/** The audit: exactly one record for every request that is no GET and no HEAD, saying who asked. */
import { once } from "node:events";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { exchange, openSocket, requestText } from "../http/wire.ts";
import { audited, call, loopbackHosts, M2P, MAPPING, put, type Served, served, tokens } from "./kit.ts";

const BODY = JSON.stringify(MAPPING);
const HEAD = `PUT ${M2P} HTTP/1.1\r\nhost: sled\r\ncontent-length: ${BODY.length}\r\n\r\n`;
const statuses = (at: Served) => audited(at).map(({ fields }) => fields.response_code);

/** Requests by what they are; each is answered and ends its connection. */
const CHANGES: readonly (readonly [what: string, bytes: string, status: number])[] = [
  ["made", requestText(`PUT ${M2P}`, [], BODY), 204],
  ["made without need", requestText(`DELETE ${M2P}`, [], BODY), 204],
  ["whose body is wrong", requestText(`PUT ${M2P}`, [], "{}"), 400],
  ["whose body is no JSON", requestText(`PUT ${M2P}`, [], "{"), 400],
  ["whose body is too large", requestText(`PUT ${M2P}`, ["content-length: 9999999"]), 413],
  ["of a version that is none", requestText(`PUT ${M2P}`, ["api-version: x"], BODY), 400],
  ["of a path that nobody has", requestText("POST /nothing", [], BODY), 404],
  ["of a path that has another method", requestText(`POST ${M2P}`, [], BODY), 405],
  ["of a path that cannot be decoded", requestText("PUT /%zz", [], BODY), 400],
  ["with an expectation", requestText(`PUT ${M2P}`, ["expect: soon"], BODY), 417],
  ["by OPTIONS", requestText("OPTIONS *"), 404],
];
const READS = [requestText(`GET ${M2P}`), requestText("HEAD /healthz"), requestText("GET /nothing")];
const BROKEN: readonly (readonly [what: string, bytes: string])[] = [
  ["a word", "hello\r\n\r\n"],
  ["a method that nobody knows", requestText(`FROB ${M2P}`)],
  ["a header without a colon", requestText(`PUT ${M2P}`, ["nonsense"])],
];

describe("a change", () => {
  test.each(CHANGES)("%s is one record, with what was asked, by whom, and the answer", async (_what, bytes, status) => {
    const at = await served();
    const [answer] = await exchange(at.port, bytes);
    expect(answer?.status).toBe(status);
    const [method, uri] = bytes.split(" ");
    expect(audited(at).map(({ level, fields }) => ({ level, ...fields }))).toEqual([
      expect.objectContaining({
        level: "info",
        req_id: answer?.headers["x-request-id"],
        method,
        uri,
        response_code: status,
        asked_by: { remote_addr: "127.0.0.1" },
      }),
    ]);
  });

  test("refused at a door is one record, of each door", async () => {
    const token = "t".repeat(32);
    const at = await served({ rules: { hosts: loopbackHosts(), tokens: tokens(`ops ${token}`) } });
    await put(at.port, { headers: { host: "evil.example" } });
    await put(at.port);
    await put(at.port, { headers: { authorization: `Bearer ${token}` } });
    expect(statuses(at)).toEqual([421, 401, 204]);
  });

  test("whose client went away before the answer is one record, with the answer it would have had", async () => {
    const at = await served();
    const letGo = at.sled.hold("SetMcast2Phys");
    const gone = new Promise((resolve) => at.sled.app.server.once("connection", (c) => c.once("close", resolve)));
    const socket = await openSocket(at.port);
    socket.write(HEAD + BODY);
    await vi.waitFor(() => expect(at.sled.agent.status().driver.busyWith?.command).toBe("SetMcast2Phys"));
    socket.destroy();
    await gone;
    letGo();
    await vi.waitFor(() => expect(statuses(at)).toEqual([204]));
    expect(audited(at)[0]?.fields.asked_by).toEqual({ remote_addr: "127.0.0.1" });
  });

  test("whose client went away before its body was whole is one record", async () => {
    const at = await served();
    const gone = new Promise((resolve) => at.sled.app.server.once("connection", (c) => c.once("close", resolve)));
    const socket = await openSocket(at.port);
    socket.write(HEAD + BODY.slice(0, 9));
    await once(socket.resume().end(), "close");
    await gone;
    await vi.waitFor(() => expect(statuses(at)).toEqual([400]));
  });
});

test("a read is no part of the audit, and has its record all the same", async () => {
  const at = await served();
  for (const bytes of READS) await exchange(at.port, bytes);
  expect(audited(at)).toEqual([]);
  const completed = () => at.sled.log.records.filter(({ message }) => message === "request completed");
  await vi.waitFor(() => expect(completed()).toHaveLength(READS.length));
});

test.each(BROKEN)("bytes that are no request may have been a change, and are one record: %s", async (_what, bytes) => {
  const at = await served();
  await exchange(at.port, bytes);
  expect(audited(at)).toMatchObject([
    { message: "broken request", fields: { response_code: 400, asked_by: { remote_addr: "127.0.0.1" } } },
  ]);
});

test("any requests, one after the other and on the heels of each other, have a record for each change", async () => {
  const at = await served();
  const pipelined = CHANGES.filter(([, , status]) => status < 400).map(([, bytes]) => bytes);
  const kept = (bytes: string) => bytes.replace("connection: close\r\n", "");
  const one = fc.oneof(
    fc.constantFrom(...CHANGES.map(([, bytes]) => ({ bytes, changes: 1 }))),
    fc.constantFrom(...READS.map((bytes) => ({ bytes, changes: 0 }))),
    fc.constantFrom(...BROKEN.map(([, bytes]) => ({ bytes, changes: 1 }))),
    fc
      .array(fc.constantFrom(...pipelined), { minLength: 1, maxLength: 4 })
      .map((all) => ({ bytes: all.map(kept).join("") + requestText(`GET ${M2P}`), changes: all.length })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 5 }), async (all) => {
      const before = audited(at).length;
      for (const { bytes } of all) await exchange(at.port, bytes);
      expect(audited(at).length - before).toBe(all.reduce((sum, { changes }) => sum + changes, 0));
    }),
    { numRuns: 30 },
  );
  const ids = audited(at).map(({ fields }) => fields.req_id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("what a request bore in its headers is in no record", async () => {
  const at = await served();
  const secret = "a-secret-of-somebody";
  await call(at.port, { method: "PUT", headers: { authorization: secret, cookie: secret, "x-token": secret } });
  await call(at.port, { headers: { authorization: secret, cookie: secret } });
  expect(at.sled.log.records.length).toBeGreaterThan(0);
  expect(JSON.stringify(at.sled.log.records)).not.toContain(secret);
});
