/** How a body is read: its size, its type, its JSON (sled-agent-api.md §3.4, product.md). */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensureBody, PROPOLIS, propolis } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { changingNothing, expectBadRequest, expectDone, expectError, expectRefused } from "./expect.ts";
import { M2P, MEMBERSHIP, populatedSled, VMM } from "./populated.ts";
import { listen, send } from "./wire.ts";

const MIB = 1 << 20;
const MAPPING = JSON.stringify({ group: "239.2.2.2", underlay: "ff04::2" });

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
});
afterEach(() => sled.close());

const as = (type: string) => ({ "content-type": type });

describe("the size", () => {
  test("of 1 MiB is read", async () => {
    expectDone(await sled.put(M2P, MAPPING.padEnd(MIB)));
    expect(sled.mappings).toHaveProperty(["239.2.2.2"], "ff04::2");
  });

  test.each([
    ["PUT", M2P],
    ["DELETE", M2P],
    ["PUT", "/networking/mcast-fwd"],
    ["PUT", MEMBERSHIP],
    ["PUT", `/vmms/${propolis(2)}`],
    ["PUT", `/vmms/${PROPOLIS}/state`],
  ])("of one byte more is 413 without a code: %s %s", async (method, path) => {
    const answer = await changingNothing(sled, () => sled.request(method, path, MAPPING.padEnd(MIB + 1)));
    expectError(answer, { status: 413 });
  });

  test("is looked at before the content type and before the JSON", async () => {
    expectError(await sled.put(M2P, "{".repeat(MIB + 1), as("text/plain")), { status: 413 });
  });

  test("is looked at after the id in the path", async () => {
    expectBadRequest(await sled.put("/vmms/nobody/state", " ".repeat(MIB + 1)));
  });

  test("does not matter on a path that does not exist", async () => {
    expectError(await sled.put("/nothing", " ".repeat(MIB + 1)), { status: 404 });
  });
});

describe("the content type", () => {
  test.each([
    "application/json",
    "APPLICATION/JSON",
    "Application/Json; charset=utf-8",
    "application/json;charset=latin1",
    'application/json; a=b; c="d;e"',
    "application/merge-patch+json",
    "application/vnd.oxide.v1+JSON; charset=utf-8",
  ])("%s is JSON", async (type) => {
    expectDone(await sled.put(M2P, MAPPING, as(type)));
  });

  test("may be left out", async () => {
    const port = await listen(sled);
    expectDone(await send(port, `PUT ${M2P}`, [], MAPPING));
    expectDone(await send(port, `DELETE ${M2P}`, [], MAPPING));
  });

  test.each([
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "text/plain",
    "text/json",
    "application/xml",
    "application/jsonx",
    "application/json-seq",
    "text/x+json",
    "json",
    "application/",
    "*/*",
    "",
  ])("%j is 400", async (type) => {
    await expectRefused(sled, () => sled.put(M2P, MAPPING, as(type)));
    await expectRefused(sled, () => sled.delete(M2P, MAPPING, as(type)));
  });

  test("that is not ASCII is 400", async () => {
    const port = await listen(sled);
    expectBadRequest(await send(port, `PUT ${M2P}`, ["content-type: application/json; x=\u00e9"], MAPPING));
  });
});

describe("the JSON", () => {
  test.each([
    ["empty", ""],
    ["only blanks", " \n\t"],
    ["cut off", '{"group": "239.2.2.2", "underlay"'],
    ["with a comma too many", '{"group": "239.2.2.2", "underlay": "ff04::2",}'],
    ["with a comment", `${MAPPING} // the mapping`],
    ["in single quotes", MAPPING.replaceAll('"', "'")],
    ["after a byte order mark", `\ufeff${MAPPING}`],
    ["followed by a word", `${MAPPING} x`],
    ["followed by a second value", MAPPING + MAPPING],
    ["followed by a brace", `${MAPPING}}`],
    ["with a control character in a string", '{"group": "239.2.2.2\n", "underlay": "ff04::2"}'],
    ["not JSON at all", "group=239.2.2.2"],
    ["null", "null"],
    ["a number", "5"],
    ["a string", '"239.2.2.2"'],
    ["a list of objects", `[${MAPPING}]`],
    ["a list of the fields in order", '["239.2.2.2", "ff04::2"]'],
  ])("%s is 400", async (_what, text) => {
    await expectRefused(sled, () => sled.put(M2P, text));
    await expectRefused(sled, () => sled.delete(M2P, text));
  });

  test("that is not there at all is 400", async () => {
    await expectRefused(sled, () => sled.put(M2P));
    await expectRefused(sled, () => sled.delete(M2P));
    await expectRefused(sled, () => sled.put(VMM));
    await expectRefused(sled, () => sled.put(MEMBERSHIP));
  });

  test("that is not UTF-8 is 400", async () => {
    const port = await listen(sled);
    const body = '{"group": "239.2.2.2", "underlay": "ff04::2", "x": "\u00ff"}';
    expectBadRequest(await send(port, `PUT ${M2P}`, [], body));
  });

  test("may be surrounded by blanks", async () => {
    expectDone(await sled.put(M2P, `\r\n\t ${MAPPING} \n`));
  });

  test("may have its strings in escapes", async () => {
    expectDone(await sled.put(M2P, MAPPING.replaceAll("2", "\\u0032")));
    expect(sled.mappings).toHaveProperty(["239.2.2.2"], "ff04::2");
  });

  test("of a key that comes twice the last wins", async () => {
    expectDone(await sled.put(M2P, '{"group": "10.0.0.1", "underlay": "ff04::2", "group": "239.2.2.2"}'));
    expect(sled.mappings).toHaveProperty(["239.2.2.2"], "ff04::2");
  });

  test("of a key that comes twice the last wins, also where only the first is right", async () => {
    const text = '{"group": "239.2.2.2", "underlay": "ff04::2", "group": "10.0.0.1"}';
    await expectRefused(sled, () => sled.put(M2P, text), "group");
  });

  test("of fields that are unknown is read without them", async () => {
    const text = '{"group": "239.2.2.2", "comment": [{"x": null}], "__proto__": 1, "underlay": "ff04::2"}';
    expectDone(await sled.put(M2P, text));
    expect(sled.mappings).toHaveProperty(["239.2.2.2"], "ff04::2");
  });

  test("of fields that only a prototype has lacks them", async () => {
    const text = '{"__proto__": {"underlay": "ff04::2"}, "group": "239.2.2.2"}';
    await expectRefused(sled, () => sled.put(M2P, text), "underlay");
  });

  test("nested a hundred thousand deep is no defect of ours", async () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    const mapping = await sled.put(M2P, `{"group": "239.2.2.2", "underlay": "ff04::2", "x": ${deep}}`);
    expect(mapping.status).toBeLessThan(500);
    const body = JSON.stringify({ ...ensureBody({ nics: [] }), x: 0 }).replace('"x":0', `"x":${deep}`);
    const registered = await sled.put(`/vmms/${propolis(2)}`, body.replace('"gen":1', '"gen":9007199254740993'));
    expect(registered.status).toBeLessThan(500);
  });
});

describe("where a request has no body", () => {
  test.each(["garbage", "{", ""])("what is sent all the same is ignored by lists: %j", async (body) => {
    const port = await listen(sled);
    expect((await send(port, `GET ${M2P}`, ["content-type: text/plain"], body)).status).toBe(200);
    expect((await send(port, "GET /networking/mcast-fwd", ["content-type: application/json"], body)).status).toBe(200);
  });

  test.each([
    ["an empty one of type JSON", "application/json", ""],
    ["one that is not JSON", "application/json", "garbage"],
    ["one of another type", "text/plain", "bye"],
    ["a JSON value", "application/json", "null"],
  ])("unregistering ignores %s", async (_what, type, body) => {
    const port = await listen(sled);
    const length = `content-length: ${body.length}`;
    const headers = [`content-type: ${type}`, ...(body === "" ? [length] : [])];
    expect((await send(port, `DELETE ${VMM}`, headers, body)).status).toBe(200);
    expect(sled.ports).toEqual([]);
  });
});
