/** `/multicast/config` as HTTP: statuses, headers, methods, how its body is read, and its place in the document. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CONFIG, configBody, hop, putConfig } from "../harness/config.ts";
import { Sled } from "../harness/sled.ts";
import { changingNothing, expectBadRequest, expectDone, expectError, UUID_V4 } from "./expect.ts";
import { listen, send } from "./wire.ts";

const BODY = configBody(1, { "239.1.1.1": "ff04::1" }, { "ff04::1": [hop("fd00::a")] });

let sled: Sled;
beforeEach(async () => {
  sled = await Sled.start();
});
afterEach(() => sled.close());

describe("an answer", () => {
  test("to PUT and GET is 200 and exactly application/json, with a request id", async () => {
    for (const answer of [await sled.put(CONFIG, BODY), await sled.get(CONFIG)]) {
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("application/json");
      expect(answer.headers["x-request-id"]).toMatch(UUID_V4);
    }
  });

  test("to DELETE is 204 and empty, whatever body it has", async () => {
    await sled.put(CONFIG, BODY);
    expectDone(await sled.delete(CONFIG));
    expectDone(await sled.delete(CONFIG, "{", { "content-type": "text/plain" }));
  });

  test("to GET without a configuration is 404 without a code", async () => {
    expectError(await sled.get(CONFIG), { status: 404 });
  });

  test("to PUT names what failed, mapping and forwarding entry each in the form of the body", async () => {
    sled.fail("SetMcast2Phys");
    sled.fail("SetMcastForwarding");
    const { status, body } = await sled.put(CONFIG, BODY);
    expect(status).toBe(200);
    expect(body).toEqual({
      generation: 1,
      applied: 0,
      failed: [
        { entry: BODY.forwarding[0], action: "set", error: expect.stringMatching(/\S/) },
        { entry: BODY.m2p[0], action: "set", error: expect.stringMatching(/\S/) },
      ],
    });
  });

  test("to a conflict has its code", async () => {
    await sled.put(CONFIG, BODY);
    expectError(await putConfig(sled, 0), { status: 409, code: "GENERATION" });
    expectError(await sled.setMapping("239.1.1.2", "ff04::1"), { status: 409, code: "MANAGED_BY_CONFIG" });
  });
});

test.each(["POST", "PATCH", "OPTIONS", "HEAD"])("%s is 405, with the methods that there are", async (method) => {
  const port = await listen(sled);
  const answer = await changingNothing(sled, () => send(port, `${method} ${CONFIG}`));
  expect(answer.status).toBe(405);
  expect([answer.headers.allow ?? []].flat().sort()).toEqual(["DELETE", "GET", "PUT"]);
});

test("is a path of our own: the version header does not matter", async () => {
  for (const version of ["1.0.0", "99.0.0", "nonsense"]) {
    expect((await sled.put(CONFIG, BODY, { "api-version": version })).status).toBe(200);
  }
});

describe("a body", () => {
  test.each(["application/json; charset=utf-8", "application/merge-patch+json"])("of type %s is JSON", async (type) => {
    expect((await sled.put(CONFIG, BODY, { "content-type": type })).status).toBe(200);
  });

  test.each(["text/plain", "application/octet-stream"])("of type %s is 400", async (type) => {
    expectBadRequest(await changingNothing(sled, () => sled.put(CONFIG, BODY, { "content-type": type })));
  });

  test.each(["", "{", `${JSON.stringify(BODY)}{}`, "generation: 1"])(
    "that is not one JSON value is 400: %j",
    async (text) => {
      expectBadRequest(await changingNothing(sled, () => sled.put(CONFIG, text)));
    },
  );

  test("may hold unknown fields anywhere", async () => {
    const more = (value: object) => ({ ...value, comment: "x" });
    const { m2p, forwarding } = BODY;
    const next_hops = [more({ ...hop("fd00::a"), filter: more(hop("fd00::a").filter) })];
    const body = more({
      ...BODY,
      m2p: m2p.map(more),
      forwarding: forwarding.map((one) => more({ ...one, next_hops })),
    });
    expect((await sled.put(CONFIG, body)).status).toBe(200);
    expect((await sled.get(CONFIG)).body).toEqual(BODY);
  });

  test("of over 1 MiB is read from a connection, too, and one of over 32 MiB is not", async () => {
    const port = await listen(sled);
    const text = JSON.stringify(BODY);
    expect((await send(port, `PUT ${CONFIG}`, [], text.padEnd(2 << 20))).status).toBe(200);
    expectError(await send(port, `PUT ${CONFIG}`, [`content-length: ${(32 << 20) + 1}`]), { status: 413 });
  });
});

test("the document describes it, with its bodies as components", async () => {
  const { paths, components } = (await sled.get("/openapi.json")).body as {
    paths: Record<
      string,
      Record<string, { operationId: string; responses: Record<string, object>; requestBody?: object }>
    >;
    components: { schemas: Record<string, object> };
  };
  const { get, put, delete: release } = paths[CONFIG] ?? {};
  expect(Object.keys(get?.responses ?? {})).toContain("200");
  expect(Object.keys(release?.responses ?? {})).toContain("204");
  expect(JSON.stringify(put?.requestBody)).toContain("#/components/schemas/MulticastConfig");
  expect(JSON.stringify(put?.responses["200"])).toContain("#/components/schemas/MulticastConfigOutcome");
  expect(components.schemas).toMatchObject({
    MulticastConfig: { required: ["generation", "m2p", "forwarding"] },
    MulticastConfigOutcome: { required: ["generation", "applied", "failed"] },
  });
});
