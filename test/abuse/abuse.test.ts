/**
 * Abuse from the network: the daemon keeps answering a well-behaved client, stays what that client made
 * of it, and gives back what it took. `node bench/long-abuse.mjs` and CI run it in full; elsewhere it is
 * a share. How long the well-behaved client waited is printed, and bounded only by bench/long-abuse.mjs:
 * suites that run at the same time would decide it here.
 */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Chance } from "../harness/chance.ts";
import type { WireAnswer } from "../http/wire.ts";
import { sendBad } from "./bad-sender.ts";
import { busily, Crowd, slowly, unread } from "./crowd.ts";
import { type Attack, attacks } from "./malformed/families.ts";
import { full, Victim } from "./victim.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);

const COUNTS = full
  ? { malformed: 10_000, slow: 400, unread: 60, idle: 1000, busy: 1000, large: 300, largeAtOnce: 20, seconds: 5 }
  : { malformed: 200, slow: 60, unread: 5, idle: 100, busy: 100, large: 10, largeAtOnce: 5, seconds: 0.3 };
/** Requests under way. */
const AT_ONCE = 32;
const LONG = { timeout: 600_000 };

let victim: Victim;
beforeAll(async () => {
  victim = await Victim.start(full ? 2000 : 500);
}, 60_000);
afterAll(() => victim?.stop());

const crowds: Crowd[] = [];
afterEach(() => {
  for (const one of crowds.splice(0)) one.leave();
});

/** Gone with the test, also where that fails: the next one is to meet a daemon that is left alone. */
function gather(): Crowd {
  const crowd = new Crowd(victim.port);
  crowds.push(crowd);
  return crowd;
}

/** 4xx in the form of every error, or 503 for what there is no room for. */
function isRefusal({ status, headers, body }: WireAnswer): boolean {
  const { request_id: id, message } = (body ?? {}) as { readonly request_id?: string; readonly message?: string };
  const ours = headers["content-type"] === "application/json" && id !== undefined && message !== undefined;
  return ours && ((status >= 400 && status < 500) || status === 503);
}

/** Answers what is amiss with what came of it, if anything. */
async function attack({ family, bytes, whole, after = 0 }: Attack, outcomes: Map<string, number>): Promise<string[]> {
  const { answers, hung } = await sendBad(victim.port, bytes, whole);
  const refusals = answers.slice(after);
  const outcome = hung ? "hung" : refusals.map(({ status }) => status).join() || "closed";
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const served = answers.slice(0, after).every(({ status }) => status === 200);
  if (served && !hung && refusals.every(isRefusal)) return [];
  const got = answers.map(({ status, text }) => `${status} ${text.slice(0, 300)}`);
  return [`${family}: ${JSON.stringify(bytes.toString("latin1").slice(0, 600))} was ${outcome}: ${got.join("; ")}`];
}

test("malformed requests are refused in our words or cut off, and have no effect", LONG, async () => {
  const outcomes = new Map<string, number>();
  const chance = new Chance(seed);
  const left = attacks(COUNTS.malformed, chance);
  const amiss: string[] = [];
  const attacker = async () => {
    for (const one of left) amiss.push(...(await attack(one, outcomes)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, attacker));
  expect(amiss, `SLEDCAST_SEED=${seed}`).toEqual([]);
  const told = [...outcomes].sort().map(([outcome, count]) => `${count} times ${outcome}`);
  await victim.isUnharmed("malformed requests", `SLEDCAST_SEED=${seed}, ${told.join(", ")}; `);
});

test("clients that send for ever hold their own connections and nothing else", LONG, async () => {
  const crowd = gather();
  await crowd.connect(COUNTS.slow, (socket, n) => slowly(crowd, socket, n));
  await pause(COUNTS.seconds * 1000);
  expect(crowd.size).toBe(COUNTS.slow);
  crowd.leave();
  await victim.isUnharmed(`${COUNTS.slow} slow clients`);
});

test("clients that ask for long lists and read none cost little", LONG, async () => {
  const crowd = gather();
  await crowd.connect(COUNTS.unread, unread(40), false);
  await pause(COUNTS.seconds * 1000);
  expect(crowd.size).toBe(COUNTS.unread);
  crowd.leave();
  await victim.isUnharmed(`${COUNTS.unread} clients that do not read`);
});

test("idle and busy connections by the thousand are served beside others", LONG, async () => {
  const crowd = gather();
  await crowd.connect(COUNTS.idle, () => {});
  await crowd.connect(COUNTS.busy, busily(crowd, full ? 1000 : 100));
  await pause(COUNTS.seconds * 1000);
  expect(crowd.size).toBe(COUNTS.idle + COUNTS.busy);
  expect([...crowd.answered.keys()].filter((line) => line !== "HTTP/1.1 200")).toEqual([]);
  crowd.leave();
  const answers = crowd.answered.get("HTTP/1.1 200") ?? 0;
  await victim.isUnharmed(`${COUNTS.idle} idle and ${COUNTS.busy} busy connections`, `${answers} answers to these; `);
});

/** Sends a body without an end until it is cut off. */
async function endless(crowd: Crowd): Promise<void> {
  const megabyte = Buffer.alloc(1 << 20, " ");
  const chunked = Buffer.concat([Buffer.from("100000\r\n"), megabyte, Buffer.from("\r\n")]);
  let ended: Promise<unknown> = Promise.resolve();
  await crowd.connect(1, (socket) => {
    ended = new Promise((resolve) => socket.once("close", resolve));
    socket.write("PUT /networking/mcast-m2p HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n");
    const more = (error?: Error | null) => {
      if (!error && socket.writable) socket.write(chunked, more);
    };
    more();
  });
  await ended;
}

test("bodies without an end are cut off at their bound", LONG, async () => {
  const crowd = gather();
  let left = COUNTS.large;
  const sender = async () => {
    while (left-- > 0) await endless(crowd);
  };
  await Promise.all(Array.from({ length: COUNTS.largeAtOnce }, sender));
  expect(crowd.ended).toBe(COUNTS.large);
  // Whoever sends on may lose the answer with its connection; and where many do there may be no room for one more.
  const { "HTTP/1.1 413": tooLarge = 0, "HTTP/1.1 503": noRoom = 0, ...others } = Object.fromEntries(crowd.answered);
  expect(others).toEqual({});
  expect(tooLarge).toBeGreaterThan(noRoom);
  await victim.isUnharmed(`${COUNTS.large} bodies without an end`);
});
