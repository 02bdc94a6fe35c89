/** What every answer bears, and how an error looks: sled-agent-api.md §3.3. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensureBody, propolis } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { type ErrorBody, expectDone, expectError, UUID_V4 } from "./expect.ts";
import { FWD, forwarding, M2P, MEMBERSHIP, membership, populatedSled, STATE, VMM } from "./populated.ts";

const MAPPING = { group: "239.1.1.1", underlay: "ff04::1" };
const MIB = 1 << 20;

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
});
afterEach(() => sled.close());

describe("a request id", () => {
  test.each([
    ["GET", M2P, undefined, 200],
    ["PUT", M2P, MAPPING, 204],
    ["DELETE", M2P, MAPPING, 204],
    ["PUT", M2P, {}, 400],
    ["GET", "/nothing", undefined, 404],
    ["POST", M2P, MAPPING, 405],
    ["GET", `/vmms/${propolis(9)}/state`, undefined, 404],
    ["PUT", M2P, " ".repeat(MIB + 1), 413],
    ["GET", "/healthz", undefined, 200],
    ["GET", "/metrics", undefined, 200],
    ["GET", "/openapi.json", undefined, 200],
    ["GET", "/docs", undefined, 200],
    ["GET", "/docs/nothing", undefined, 404],
  ] as const)("is on the answer to %s %s (%#)", async (method, path, body, status) => {
    const answer = await sled.request(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.headers["x-request-id"]).toMatch(UUID_V4);
  });

  test("is another for each request", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => sled.get(M2P)));
    expect(new Set(answers.map(({ headers }) => headers["x-request-id"])).size).toBe(20);
  });

  test.each(["x-request-id", "request-id", "x-correlation-id"])(
    "is ours, also where the client sends %s",
    async (name) => {
      const theirs = "11111111-1111-4111-8111-111111111111";
      const answer = await sled.get("/nothing", { [name]: theirs });
      const { request_id: id } = expectError(answer, { status: 404 });
      expect(id).not.toBe(theirs);
    },
  );

  test("is in the log with the request", async () => {
    const answer = await sled.get("/nothing");
    const ids = sled.log.records.map(({ fields }) => fields.req_id);
    expect(ids).toContain(answer.headers["x-request-id"]);
  });
});

describe("an error's body", () => {
  test("is printed with an indent of two spaces, and has no error_code where there is none", async () => {
    const { text, body } = await sled.get("/nothing");
    const { request_id: id, message }: ErrorBody = body;
    expect(text.trimEnd()).toBe(`{\n  "request_id": "${id}",\n  "message": "${message}"\n}`);
  });

  test("has its error_code as a string where there is one", async () => {
    expectError(await sled.get(`/vmms/${propolis(9)}/state`), { status: 404, code: "NO_SUCH_INSTANCE" });
  });
});

describe("a content type", () => {
  test.each([
    M2P,
    FWD,
    STATE,
    MEMBERSHIP,
    "/vmms",
    "/networking/ports",
    "/multicast/status",
    "/healthz",
    "/readyz",
    "/openapi.json",
  ])("is exactly application/json for GET %s", async (path) => {
    const answer = await sled.get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
  });

  test("is exactly application/json for a registration and an unregistration", async () => {
    const local = { nics: [] };
    expect((await sled.put(`/vmms/${propolis(2)}`, ensureBody(local))).headers["content-type"]).toBe(
      "application/json",
    );
    expect((await sled.delete(VMM)).headers["content-type"]).toBe("application/json");
  });

  test("is not there for a change, whose answer is 204 and empty", async () => {
    expectDone(await sled.put(M2P, MAPPING));
    expectDone(await sled.put(FWD, forwarding()));
    expectDone(await sled.put(MEMBERSHIP, membership()));
    expectDone(await sled.delete(MEMBERSHIP, membership()));
    expectDone(await sled.delete(FWD, { underlay: "ff04::1" }));
    expectDone(await sled.delete(M2P, MAPPING));
  });
});
