/**
 * Held against the original's document: what it accepts, ours accepts, but for the refusals that
 * are named; what ours answers, it accepts. Passes, and says so, where the document is not at hand.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureBody, PROPOLIS, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import {
  bodySchema,
  expectAnswerOf,
  NAMES_A_FIELD,
  NO_DOCUMENT,
  type OurDocument,
  operationsOf,
  validatorFor,
  withoutLargeVnis,
} from "./held-against.ts";
import { originalDocument } from "./original.ts";
import { arbitraryOf, type Schema } from "./schema-arbitrary.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
console.log(`compatibility: SLEDCAST_SEED=${seed}`);
const v49 = originalDocument(49);
const v48 = originalDocument(48);

let sled: Sled;
beforeAll(async () => {
  sled = await Sled.start();
});
afterAll(() => sled.close());

const url = (path: string) => path.replace("{propolis_id}", PROPOLIS);

describe.runIf(v49 !== undefined)("against the original's document of version 49", () => {
  const document = v49 ?? NO_DOCUMENT;
  const { schemas } = document.components;
  const all = [...operationsOf(document)];
  const withBody = all.filter(({ operation }) => bodySchema(operation) !== undefined);

  test.each(withBody)(
    "every body that its schema of $method $path takes, ours takes",
    async ({ path, method, operation }) => {
      const ours = (await sled.get("/openapi.json")).body as OurDocument;
      const schema = ours.paths[path]?.[method]?.requestBody?.content["application/json"].schema;
      const accepts = validatorFor(schema, ours.components);
      const bodies = arbitraryOf(bodySchema(operation) as Schema, schemas).map(withoutLargeVnis);
      fc.assert(
        fc.property(bodies, (body) => {
          expect(accepts(body), JSON.stringify(accepts.errors)).toBe(true);
        }),
        { seed, numRuns: 300 },
      );
    },
  );

  test.each(withBody)(
    "a generated $method $path is served, or refused by the name of a field",
    async ({ path, method, operation }) => {
      const bodies = arbitraryOf(bodySchema(operation) as Schema, schemas).map(withoutLargeVnis);
      await fc.assert(
        fc.asyncProperty(bodies, async (body) => {
          const answer = await sled.request(method.toUpperCase(), url(path), body, { "api-version": "49.0.0" });
          if (answer.status === 400) {
            const { message } = answer.body as { message: string };
            expect(message).toMatch(NAMES_A_FIELD);
          } else {
            expect([200, 204, 404, 409], answer.text).toContain(answer.status);
          }
        }),
        { seed, numRuns: 100 },
      );
    },
  );

  const hop = { next_hop: "fd00::1", replication: "both", filter: { mode: "include", sources: ["10.0.0.1"] } };
  const mapping = { group: "239.1.1.1", underlay: "ff04::1" };
  const VMM = propolis(77);
  const story: readonly (readonly [method: string, path: string, body?: unknown])[] = [
    ["put", "/networking/mcast-m2p", mapping],
    ["put", "/networking/mcast-m2p", { group: "10.0.0.1", underlay: "ff04::1" }],
    ["get", "/networking/mcast-m2p"],
    ["put", "/networking/mcast-fwd", { underlay: "ff04::1", next_hops: [hop] }],
    ["get", "/networking/mcast-fwd"],
    ["get", "/vmms/{propolis_id}/state"],
    ["put", "/vmms/{propolis_id}", ensureBody({}, { migration_id: propolis(5) })],
    ["put", "/vmms/{propolis_id}/state", { state: { type: "running" } }],
    ["get", "/vmms/{propolis_id}/state"],
    ["put", "/vmms/{propolis_id}/multicast-group", { group_ip: "239.1.1.1", sources: [] }],
    ["delete", "/vmms/{propolis_id}/multicast-group", { group_ip: "239.1.1.1", sources: [] }],
    ["delete", "/vmms/{propolis_id}"],
    ["delete", "/vmms/{propolis_id}"],
    ["delete", "/networking/mcast-fwd", { underlay: "ff04::1" }],
    ["delete", "/networking/mcast-m2p", mapping],
  ];

  test("every answer of ours is one that its schema takes", async () => {
    const seen = new Set<string>();
    for (const [method, path, body] of story) {
      const answer = await sled.request(method.toUpperCase(), path.replace("{propolis_id}", VMM), body, {
        "api-version": "49.0.0",
      });
      expectAnswerOf(document, path, method, answer);
      seen.add(`${method} ${path}`);
    }
    expect(all.map(({ method, path }) => `${method} ${path}`).filter((one) => !seen.has(one))).toEqual([]);
  });
});

describe.runIf(v48 !== undefined)("against the original's document of version 48", () => {
  const document = v48 ?? NO_DOCUMENT;
  const all = [...operationsOf(document)];

  test.each(all)(
    "a generated $method $path is served, or refused for its tag or by the name of a field",
    async ({ path, method, operation }) => {
      const { schemas } = document.components;
      await fc.assert(
        fc.asyncProperty(arbitraryOf(bodySchema(operation) as Schema, schemas), async (body) => {
          const answer = await sled.request(method.toUpperCase(), url(path), body, { "api-version": "48.0.0" });
          if (answer.status === 204) return;
          expect(answer.status, answer.text).toBe(400);
          expect((answer.body as { message: string }).message).toMatch(/^(join|leave)\.|endpoint cannot process/);
        }),
        { seed, numRuns: 100 },
      );
    },
  );
});
