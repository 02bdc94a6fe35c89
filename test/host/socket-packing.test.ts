import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SocketPacking } from "../../src/host/socket-packing.ts";

/** Places so many groups; answers their sockets. */
function place(packing: SocketPacking, groups: number): number[] {
  return Array.from({ length: groups }, () => packing.place().socket);
}

describe("groups in sockets", () => {
  test("64 share one, and the next socket comes after them", () => {
    const packing = new SocketPacking(2);
    const sockets = place(packing, 129);
    expect(packing.sockets).toBe(3);
    expect(new Set(sockets.slice(0, 64)).size).toBe(1);
    expect(packing.groupsIn(sockets[128] as number)).toBe(1);
  });

  test("ten thousand take at most 400 sockets, whatever came and went before", () => {
    const packing = new SocketPacking(2);
    const first = place(packing, 10_000);
    // One of every 64 stays: each socket has one left.
    for (const [i, socket] of first.entries()) if (i % 64 !== 0) packing.release(socket);
    place(packing, 10_000 - packing.sockets);
    expect(packing.sockets).toBeLessThanOrEqual(400);
  });

  test("memberships in one are bounded, not only groups: with ten NICs 32 share one", () => {
    const packing = new SocketPacking(10);
    place(packing, 33);
    expect(packing.sockets).toBe(2);
  });

  test("where a socket takes fewer, no later one is given more", () => {
    const packing = new SocketPacking(2);
    for (let overfull = 0; overfull < 2; overfull++) {
      const [socket] = place(packing, 12) as [number];
      packing.full(socket, 10);
      packing.release(socket);
      packing.release(socket);
    }
    expect(packing.sockets).toBe(2);
    place(packing, 25);
    expect(packing.sockets).toBe(5);
  });

  test("one socket that took fewer does not bind the others: it may have been a moment's want of memory", () => {
    const packing = new SocketPacking(2);
    const [socket] = place(packing, 2) as [number];
    packing.full(socket, 1);
    packing.release(socket);
    place(packing, 64);
    expect(packing.sockets).toBe(2);
  });

  test("new ones go to the newest socket while the others are half full or more", () => {
    const packing = new SocketPacking(2);
    const sockets = place(packing, 128);
    for (const socket of sockets.slice(0, 10)) packing.release(socket);
    const { socket, opened } = packing.place();
    expect(opened).toBe(true);
    expect(place(packing, 20)).toEqual(Array(20).fill(socket));
  });

  test("the last one to leave a socket closes it, and its number is used again", () => {
    const packing = new SocketPacking(2);
    const [a, b] = place(packing, 2) as [number, number];
    expect(packing.release(a)).toBe(false);
    expect(packing.release(b)).toBe(true);
    expect(packing.sockets).toBe(0);
    expect(packing.place()).toEqual({ socket: a, opened: true });
  });

  test("after any arrivals and departures, every count is right and the sockets are bounded by the groups", () => {
    const step = fc.oneof(fc.constant("place" as const), fc.nat(), fc.nat());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 1, max: 400 }), (steps, nics) => {
        const packing = new SocketPacking(nics);
        const capacity = Math.max(1, Math.min(64, Math.floor(320 / nics)));
        const placed: number[] = [];
        let most = 0;
        for (const what of steps) {
          if (what === "place") placed.push(packing.place().socket);
          else if (placed.length > 0) packing.release(placed.splice(what % placed.length, 1)[0] as number);
          most = Math.max(most, placed.length);
          for (const socket of new Set(placed)) {
            expect(packing.groupsIn(socket)).toBe(placed.filter((one) => one === socket).length);
            expect(packing.groupsIn(socket)).toBeLessThanOrEqual(capacity);
          }
          expect(packing.sockets).toBe(new Set(placed).size);
          expect(packing.sockets).toBeLessThanOrEqual(Math.ceil((2 * most) / capacity) + 1);
        }
      }),
      { numRuns: 40 },
    );
  });
});
