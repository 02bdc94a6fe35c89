/** The propolis id in a path: sled-agent-api.md §3.5. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensureBody, PROPOLIS, propolis } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { changingNothing, expectDone, expectError, expectRefused } from "./expect.ts";
import { membership, populatedSled } from "./populated.ts";

const FORMS = [
  ["hyphenated", PROPOLIS],
  ["in capitals", PROPOLIS.toUpperCase()],
  ["without hyphens", PROPOLIS.replaceAll("-", "")],
  ["without hyphens, in capitals", PROPOLIS.replaceAll("-", "").toUpperCase()],
  ["as a URN", `urn:uuid:${PROPOLIS}`],
  ["in braces", `%7B${PROPOLIS}%7D`],
  ["with an encoded hyphen", PROPOLIS.replace("-", "%2D")],
] as const;

const NOT_UUID = [
  "1",
  "nobody",
  PROPOLIS.slice(1),
  `${PROPOLIS}0`,
  PROPOLIS.replace("b", "g"),
  PROPOLIS.replace("-", ""),
  PROPOLIS.replaceAll("-", "_"),
  `%7B${PROPOLIS}`,
  `${PROPOLIS}%7D`,
  `(${PROPOLIS})`,
  `uuid:${PROPOLIS}`,
  `urn:uuid:${PROPOLIS}0`,
  `%20${PROPOLIS}`,
  `${PROPOLIS}%0a`,
  `${PROPOLIS}%2F`,
];

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
});
afterEach(() => sled.close());

describe.each(FORMS)("an id %s", (_how, id) => {
  test("finds the VMM", async () => {
    expect((await sled.get(`/vmms/${id}/state`)).status).toBe(200);
    expect((await sled.put(`/vmms/${id}`, ensureBody())).status).toBe(200);
    expectDone(await sled.put(`/vmms/${id}/multicast-group`, membership({ group_ip: "239.7.7.7" })));
    expect(await sled.memberships(PROPOLIS)).toHaveProperty(["239.7.7.7"]);
    expect((await sled.get("/vmms")).body).toMatchObject([{ propolis_id: PROPOLIS }]);
  });

  test("unregisters it", async () => {
    expect((await sled.delete(`/vmms/${id}`)).status).toBe(200);
    expect((await sled.get("/vmms")).body).toEqual([]);
  });
});

describe.each(NOT_UUID)("%s is no id", (id) => {
  test("of any VMM endpoint: 400 without a code", async () => {
    const answers = await changingNothing(sled, async () => [
      await sled.get(`/vmms/${id}/state`),
      await sled.put(`/vmms/${id}/state`, { state: { type: "running" } }),
      await sled.put(`/vmms/${id}`, ensureBody()),
      await sled.delete(`/vmms/${id}`),
      await sled.put(`/vmms/${id}/multicast-group`, membership()),
      await sled.delete(`/vmms/${id}/multicast-group`, membership()),
      await sled.get(`/vmms/${id}/multicast-group`),
      await sled.put(`/vmms/${id}/ports`, { ports: ["p"], primary: "p" }),
    ]);
    for (const answer of answers) expectError(answer, { status: 400 });
  });
});

test.each([37, 100, 101, 1000, 8000])(
  "a word of %i characters is no id, and not too long to be told so",
  async (length) => {
    const id = "b".repeat(length);
    expectError(await sled.get(`/vmms/${id}/state`), { status: 400 });
    expectError(await sled.put(`/vmms/${id}/multicast-group`, membership()), { status: 400 });
  },
);

test("a refusal of an id begins as the original's does", async () => {
  const { message } = expectError(await sled.get("/vmms/nobody/state"), { status: 400 });
  expect(message).toMatch(/^bad parameter in URL path: /);
});

test.each([
  ["no JSON", "{", {}],
  ["another content type", "{}", { "content-type": "text/plain" }],
  ["fields missing", "{}", {}],
  ["none", undefined, {}],
])("a bad id wins over a bad body: %s", async (_what, body, headers) => {
  const answer = await sled.put("/vmms/nobody/multicast-group", body, headers);
  const { message } = expectError(answer, { status: 400 });
  expect(message).toMatch(/^bad parameter in URL path: /);
});

test("an id in a body may have any of these forms, too", async () => {
  for (const [i, instance] of [`{${PROPOLIS}}`, `urn:uuid:${PROPOLIS}`, PROPOLIS.replaceAll("-", "")].entries()) {
    const body = ensureBody({ nics: [] }, { instance_id: instance });
    expect((await sled.put(`/vmms/${propolis(i + 10)}`, body)).status).toBe(200);
  }
  await expectRefused(
    sled,
    () => sled.put(`/vmms/${propolis(20)}`, ensureBody({}, { instance_id: "x" })),
    "instance_id",
  );
});
