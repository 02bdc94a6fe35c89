/**
 * A client that behaves well, in a process of its own so that what it waits for is the daemon: it asks
 * for the status, sets, lists and clears mappings, one request after another, and holds each list
 * against what it made. Its parent asks now and then how it was served.
 */
import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { type Access, Caller } from "./access.ts";

const caller = new Caller(JSON.parse(process.argv[2] ?? "") as Access);
const MAPPINGS = 20;
const M2P = "/networking/mcast-m2p";
/** It is not one of those who load the daemon. Milliseconds. */
const PACE_MS = 4;
/** One request in so many comes over a connection of its own: newcomers are to be served, too. */
const NEWCOMER = 5;

const kept = new (caller.isSecure ? SecureAgent : Agent)({ keepAlive: true, maxSockets: 1 });
const mappings = new Map<string, string>();
let latencies: number[] = [];
let failures: string[] = [];
let asked = 0;
let newcomers = true;

async function call(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
  const isNew = newcomers && ++asked % NEWCOMER === 0;
  const since = performance.now();
  const answer = await caller.call(method, path, body, isNew ? false : kept);
  latencies.push(performance.now() - since);
  return answer;
}

async function expectStatus(wanted: number, method: string, path: string, body?: object): Promise<string> {
  const { status, text } = await call(method, path, body);
  if (status !== wanted) throw new Error(`${method} ${path}: ${status} ${text}`);
  return text;
}

async function turn(n: number): Promise<void> {
  await expectStatus(200, "GET", "/multicast/status");
  const body = { group: `239.1.1.${n % MAPPINGS}`, underlay: `ff04::${(n % 7) + 1}` };
  if (mappings.has(body.group) && n % 3 === 0) {
    const underlay = mappings.get(body.group);
    await expectStatus(204, "DELETE", M2P, { ...body, underlay });
    mappings.delete(body.group);
  } else {
    await expectStatus(204, "PUT", M2P, body);
    mappings.set(body.group, body.underlay);
  }
  const listed = JSON.parse(await expectStatus(200, "GET", M2P)) as { group: string; underlay: string }[];
  const own = listed.filter(({ group }) => group.startsWith("239.1.1."));
  const same = own.length === mappings.size && own.every(({ group, underlay }) => mappings.get(group) === underlay);
  if (!same) throw new Error(`its mappings are ${JSON.stringify(own)}, not ${JSON.stringify([...mappings])}`);
}

process.on("message", (message) => {
  if (message === "count") {
    process.send?.(latencies.length);
    return;
  }
  newcomers = message !== "alone";
  process.send?.({ latencies, failures, mappings: [...mappings] });
  latencies = [];
  failures = [];
});
process.on("disconnect", () => process.exit(0));

for (let n = 0; ; n++) {
  await turn(n).catch((error: unknown) => failures.push(String(error)));
  await pause(PACE_MS);
}
