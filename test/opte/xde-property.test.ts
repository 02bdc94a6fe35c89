/** Whatever a device does: each call is settled once, within a bound, and with the answer that is its own. */
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { SledcastError } from "../../src/error.ts";
import { underlay } from "../net/make.ts";
import { port } from "./kit.ts";
import { type Answer, failed, type Kernel, otherVersion, stopTime, xde } from "./xde-kit.ts";

const MOST_TRIES = 3;

/** What a device does to one call. */
type Behaviour =
  | { readonly does: "obeys" | "is interrupted" | "goes" | "loses the answer" }
  | { readonly does: "wants room"; readonly bytes: number }
  | { readonly does: "switches"; readonly version: 40 | 41 };

const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  fc.record({
    does: fc.constantFrom("obeys" as const, "is interrupted" as const, "goes" as const, "loses the answer" as const),
  }),
  fc.record({ does: fc.constant("wants room" as const), bytes: fc.integer({ min: 0, max: 1 << 20 }) }),
  fc.record({ does: fc.constant("switches" as const), version: fc.constantFrom(40 as const, 41 as const) }),
);

function answer(kernel: Kernel, what: Behaviour): Answer {
  switch (what.does) {
    case "obeys":
      return (call) => kernel.carryOut(call);
    case "is interrupted":
      return failed("EINTR");
    case "goes":
      return failed("ENXIO");
    case "loses the answer":
      return async (call) => {
        await kernel.carryOut(call);
        return failed("EIO");
      };
    case "wants room":
      return failed("ENOBUFS", what.bytes);
    case "switches":
      return (call) => {
        kernel.version = what.version;
        return call.apiVersion === what.version ? kernel.carryOut(call) : otherVersion(BigInt(what.version))(call);
      };
  }
}

type Call = { readonly kind: "set" | "create" | "subscribers" | "clear"; readonly n: number; readonly later: boolean };

const call: fc.Arbitrary<Call> = fc.record({
  kind: fc.constantFrom("set" as const, "create" as const, "subscribers" as const, "clear" as const),
  n: fc.integer({ min: 0, max: 250 }),
  /** Made in a turn of its own. */
  later: fc.boolean(),
});

const underlayOf = (nth: number, n: number) => underlay(`ff04::${(nth + 1).toString(16)}:${n.toString(16)}`);

/** Each has bytes of its own in its request, but for the question, whose answer nothing else has. */
function make(transport: ReturnType<typeof xde>["xde"], { kind, n }: Call, nth: number): Promise<unknown> {
  const under = underlayOf(nth, n);
  switch (kind) {
    case "set":
      return transport.call("SetMcastForwarding", { underlay: under, nextHops: [] });
    case "clear":
      return transport.call("ClearMcastForwarding", { underlay: under });
    case "create":
      return transport.call("CreateXde", port(nth, { name: `p${nth}n${n}` }));
    case "subscribers":
      return transport.call("DumpMcastSubscriptions", undefined);
  }
}

const isOwn = (kind: Call["kind"], value: unknown) =>
  kind === "subscribers" ? Array.isArray(value) : value === undefined;

interface Outcome {
  readonly result: PromiseSettledResult<unknown>;
  readonly settlements: number;
}

async function outcomeOf(made: Promise<unknown>): Promise<Outcome> {
  let settlements = 0;
  const [result] = await Promise.allSettled([made.finally(() => settlements++)]);
  return { result, settlements };
}

/** How often each request was sent. A version later a port's bytes are others, so it is known by its name. */
function triesOf(kernel: Kernel): number[] {
  const tries = new Map<string, number>();
  for (const { cmd, request } of kernel.calls) {
    if (request === undefined) continue;
    const bytes = Buffer.from(request).toString("latin1");
    const key = `${cmd} ${/p\d+n\d+/.exec(bytes)?.[0] ?? bytes}`;
    tries.set(key, (tries.get(key) ?? 0) + 1);
  }
  return [...tries.values()];
}

/** What was said to have been done is in the driver, and an answer is of the kind that was asked for. */
function checkOutcome(kernel: Kernel, { kind, n }: Call, nth: number, result: PromiseSettledResult<unknown>): void {
  if (result.status === "rejected") {
    expect(result.reason).toBeInstanceOf(SledcastError);
    return;
  }
  expect(isOwn(kind, result.value)).toBe(true);
  const { ports, forwarding } = kernel.model.tables;
  if (kind === "create") expect(ports.map(({ create }) => create.name)).toContain(`p${nth}n${n}`);
  if (kind === "set") expect(forwarding.map(([under]) => under)).toContain(underlayOf(nth, n));
}

it("each call is settled once, after three tries at most, with an answer of its own kind", async () => {
  stopTime();
  const plan = fc.array(behaviour, { maxLength: 24 });
  const calls = fc.array(call, { minLength: 1, maxLength: 10 });
  const property = fc.asyncProperty(plan, calls, async (behaviours, made) => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(...behaviours.map((what) => answer(kernel, what)));
    const outcomes: Promise<Outcome>[] = [];
    for (const [nth, one] of made.entries()) {
      if (one.later) await vi.advanceTimersByTimeAsync(1);
      outcomes.push(outcomeOf(make(transport, one, nth)));
    }
    for (const [nth, one] of made.entries()) {
      const { result, settlements } = (await outcomes[nth]) as Outcome;
      expect(settlements).toBe(1);
      checkOutcome(kernel, one, nth, result);
    }
    expect(Math.max(0, ...triesOf(kernel))).toBeLessThanOrEqual(MOST_TRIES);
    await transport.close();
    expect(kernel.closed).toBe(kernel.opened);
  });
  await fc.assert(property, { numRuns: 300 });
});

it("a table that differs at each call goes to the caller that asked for it", async () => {
  stopTime();
  const scripts = fc.array(behaviour, { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(scripts, async (behaviours) => {
      const { kernel, xde: transport } = xde();
      await transport.call("SetMcast2Phys", { group: port(0).cfg.physIp, underlay: underlay("ff04::5") });
      kernel.script.push(...behaviours.map((what) => answer(kernel, what)));
      const [ports, mappings, subscriptions] = await Promise.allSettled([
        transport.call("ListPorts", undefined),
        transport.call("DumpMcast2Phys", undefined),
        transport.call("DumpMcastSubscriptions", undefined),
      ]);
      if (ports.status === "fulfilled") expect(ports.value).toEqual([]);
      if (mappings.status === "fulfilled") expect(mappings.value).toMatchObject([{ underlay: "ff04::5" }]);
      if (subscriptions.status === "fulfilled") expect(subscriptions.value).toEqual([]);
      await transport.close();
      expect([ports, mappings, subscriptions]).toHaveLength(3);
    }),
    { numRuns: 200 },
  );
});
