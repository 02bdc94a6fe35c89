/**
 * Registrations generated from the original's document: what is accepted makes exactly the ports,
 * rules, routes and memberships of `translation.ts`; what is refused is refused for a field that
 * `judge.ts` finds wrong, and leaves nothing. SLEDCAST_REGISTRATIONS and SLEDCAST_SEED say how many,
 * and which.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { propolis } from "../harness/registration.ts";
import { type Answer, Sled } from "../harness/sled.ts";
import { differences, worldOf } from "../harness/world.ts";
import { originalDocument } from "../openapi/original.ts";
import type { Schemas } from "../openapi/schema-arbitrary.ts";
import { macKey } from "./address.ts";
import type { RegistrationBody } from "./body.ts";
import { faults } from "./judge.ts";
import { registrations, TAKEN_MAC } from "./pools.ts";
import { observed, populate, SURROUNDINGS } from "./sled.ts";
import { translation } from "./translation.ts";

/** In CI once, and a share of them with the other versions of Node. */
const all = (process.env.CI === "true" || process.env.CI === "1") && process.env.SLEDCAST_RUNS === undefined;
const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const runs = Number(process.env.SLEDCAST_REGISTRATIONS ?? (all ? 2000 : 100));
const document = originalDocument(49);
const schemas: Schemas = document?.components.schemas ?? {};
console.log(`registrations: SLEDCAST_SEED=${seed} SLEDCAST_REGISTRATIONS=${runs}`);

const VMM = `/vmms/${propolis(3)}`;

/** VNI and MAC are those of a NIC that is there. */
const isTaken = ({ local_config: { nics } }: RegistrationBody) =>
  nics.some(({ vni, mac }) => vni === 100 && macKey(mac) === TAKEN_MAC);

function expectRefusal(answer: Answer, wrong: readonly string[]): void {
  expect(answer.status, answer.text).toBe(400);
  const { message } = answer.body as { message: string };
  const named = message.replace(/^unable to parse JSON body: /, "").split(": ")[0] ?? "";
  const isWrong = wrong.some(
    (field) => named === field || named.startsWith(`${field}.`) || named.startsWith(`${field}[`),
  );
  expect(isWrong, `${message}\nbut wrong are: ${wrong.join(", ")}`).toBe(true);
}

describe.runIf(document !== undefined)("a registration of the document's schema", () => {
  let sled: Sled;
  beforeAll(async () => {
    sled = await Sled.start();
    await populate(sled);
  });
  afterAll(() => sled.close());

  test("makes exactly what it says, or is refused for a field that is wrong; nothing of it is left in the end", {
    timeout: 60_000 + 100 * runs,
  }, async () => {
    const before = { ...worldOf(sled), routers: sled.agent.network.listRoutes() };
    const expectNothingLeft = () =>
      expect(differences({ ...worldOf(sled), routers: sled.agent.network.listRoutes() }, before)).toEqual([]);
    const seen = { accepted: 0, refused: 0, taken: 0, rules: 0, routes: 0, subscriptions: 0 };
    await fc.assert(
      fc.asyncProperty(registrations(schemas), async (body) => {
        const wrong = faults(body);
        try {
          const answer = await sled.put(VMM, body);
          if (wrong.length > 0) {
            seen.refused++;
            expectRefusal(answer, wrong);
            expectNothingLeft();
          } else if (isTaken(body)) {
            seen.taken++;
            expect(answer.status, answer.text).toBe(409);
            expect(answer.body).toMatchObject({ error_code: "CONFLICT", message: expect.stringContaining(TAKEN_MAC) });
            expectNothingLeft();
          } else {
            seen.accepted++;
            expect(answer.status, answer.text).toBe(200);
            const { state, gen } = body.vmm_runtime;
            expect(answer.body).toMatchObject({ vmm_state: { state, gen } });
            const made = translation(body, SURROUNDINGS);
            expect(await observed(sled, propolis(3))).toEqual(made);
            seen.rules += made.ports.filter(({ firewall }) => firewall.length > 0).length;
            seen.routes += made.ports.filter(({ routes }) => routes.length > 0).length;
            seen.subscriptions += made.subscriptions.length;
          }
        } finally {
          // Also of one that failed here: the next one comes to the same sled.
          expect((await sled.delete(VMM)).status).toBe(200);
        }
        expectNothingLeft();
      }),
      { seed, numRuns: runs },
    );
    console.log(`of ${runs} registrations: ${JSON.stringify(seen)}`);
    // What meets nothing proves nothing.
    if (runs >= 200) {
      const share = (count: number) => count / runs;
      expect(share(seen.accepted), JSON.stringify(seen)).toBeGreaterThan(0.35);
      expect(share(seen.refused), JSON.stringify(seen)).toBeGreaterThan(0.1);
      for (const count of [seen.rules, seen.routes, seen.subscriptions])
        expect(count, JSON.stringify(seen)).toBeGreaterThan(runs / 20);
    }
  });
});
