/** Requests a second of one client. */
import type { Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Caller } from "../../src/http/doors/caller.ts";
import { RateLimit } from "../../src/http/doors/rate.ts";
import { changingNothing, expectDone, expectError } from "../http/expect.ts";
import { audited, call, put, served, tokens } from "./kit.ts";

/** Time stands still but when it is told to go on. */
function stopped(perSecond: number) {
  const clock = { now: 0 };
  return { clock, rate: new RateLimit(perSecond, () => clock.now) };
}

describe("a client's rate", () => {
  test("never lets more through than a second's worth at once and the rate after it", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), gaps, (perSecond, waits) => {
        const { clock, rate } = stopped(perSecond);
        let through = 0;
        for (const wait of waits) {
          clock.now += wait;
          if (rate.take("a")) through++;
          expect(through).toBeLessThanOrEqual(perSecond + (clock.now / 1000) * perSecond + 1e-6);
        }
      }),
    );
  });

  test("never holds up a client that keeps to it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 300 }), (perSecond, requests) => {
        const { clock, rate } = stopped(perSecond);
        let through = 0;
        for (let i = 0; i < requests; i++) {
          clock.now += 1000 / perSecond;
          if (rate.take("a")) through++;
        }
        expect(through).toBe(requests);
      }),
    );
  });

  test("is no other client's", () => {
    const { rate } = stopped(1);
    expect([rate.take("a"), rate.take("a"), rate.take("b")]).toEqual([true, false, true]);
  });

  test("is remembered of 4096 clients at most, the longest unseen forgotten first", () => {
    const { rate } = stopped(1);
    rate.take("seen again");
    for (let i = 0; i < 4095; i++) rate.take(`client ${i}`);
    rate.take("seen again");
    for (let i = 0; i < 4000; i++) rate.take(`later ${i}`);
    expect(rate.clients).toBe(4096);
    expect(rate.take("seen again")).toBe(false);
    expect(rate.take("client 0")).toBe(true);
  });
});

describe("without token and certificate", () => {
  const keyOf = (remoteAddress: string) => new Caller({ remoteAddress } as Socket, undefined).key(undefined);

  test.each([
    ["fd00:1:2:3::1", "fd00:1:2:3:ffff:ffff:ffff:ffff"],
    ["fe80::1%net0", "fe80::2%net0"],
    ["::1", "::1"],
  ])("all addresses of an IPv6 host's network are one client: %s and %s", (one, another) => {
    expect(keyOf(one)).toBe(keyOf(another));
  });

  test.each([
    ["fd00:1:2:3::1", "fd00:1:2:4::1"],
    ["10.0.0.1", "10.0.0.2"],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.2"],
  ])("%s and %s are two clients", (one, another) => {
    expect(keyOf(one)).not.toBe(keyOf(another));
  });
});

describe("over HTTP the rate", () => {
  test("is 429 beyond its limit, with the seconds after which to try again, changes nothing, and is in the audit", async () => {
    const at = await served({ rules: { rate: stopped(2).rate } });
    expectDone(await put(at.port));
    expect((await call(at.port)).status).toBe(200);
    const answer = await changingNothing(at.sled, () =>
      put(at.port, { body: { group: "239.9.9.9", underlay: "ff04::9" } }),
    );
    expectError(answer, { status: 429, names: "limits.rate" });
    expect(answer.headers["retry-after"]).toBe("1");
    expect(audited(at).map(({ fields }) => fields.response_code)).toEqual([204, 429]);
  });

  test("does not hold up /healthz", async () => {
    const { port } = await served({ rules: { rate: stopped(1).rate } });
    for (const _ of [1, 2, 3]) expect((await call(port, { path: "/healthz" })).status).toBe(200);
    expect((await call(port)).status).toBe(200);
  });

  test("is a token's, wherever it is used, and that of an address for who has none", async () => {
    const [a, b] = ["a".repeat(32), "b".repeat(32)];
    const { port } = await served({ rules: { rate: stopped(1).rate, tokens: tokens(`${a}\n${b}`) } });
    const as = (token: string) => call(port, { headers: { authorization: `Bearer ${token}` } });
    const statuses: number[] = [];
    for (const token of [a, a, b, "c", "c"]) statuses.push((await as(token)).status);
    expect(statuses).toEqual([200, 429, 200, 401, 429]);
  });
});
