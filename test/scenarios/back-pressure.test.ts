/** A lane with no room: what is refused changes nothing, is counted, and reading goes on. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureBody, propolis } from "../harness/registration.ts";
import { type Answer, Sled } from "../harness/sled.ts";

const [ADOPTED, REGISTERED, OTHER] = [propolis(1), propolis(2), propolis(3)];

let sled: Sled;
/** Lets the driver go on. */
let letGo: () => void;
/** One operation runs and one waits, which is all there is room for. */
let accepted: Promise<Answer>[];

beforeEach(async () => {
  sled = await Sled.start({ laneCapacity: 1, model: { ports: [{ name: "guest0" }] } });
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.adopt(ADOPTED, "guest0");
  await sled.join(ADOPTED, "239.1.1.1");
  await sled.put(`/vmms/${REGISTERED}`, ensureBody());
  letGo = sled.hold("SetMcast2Phys");
  accepted = [sled.setMapping("239.2.2.2", "ff04::2"), sled.setMapping("239.3.3.3", "ff04::3")];
  await expect.poll(() => sled.agent.status().lane).toMatchObject({ running: { name: "set_m2p" }, waiting: 1 });
});
afterEach(() => sled.close());

const CHANGES: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  ["PUT", "/networking/mcast-m2p", { group: "239.4.4.4", underlay: "ff04::4" }],
  ["DELETE", "/networking/mcast-m2p", { group: "239.1.1.1", underlay: "ff04::1" }],
  ["PUT", "/networking/mcast-fwd", { underlay: "ff04::1", next_hops: [] }],
  ["DELETE", "/networking/mcast-fwd", { underlay: "ff04::1" }],
  ["PUT", `/vmms/${ADOPTED}/multicast-group`, { group_ip: "239.2.2.2", sources: [] }],
  ["DELETE", `/vmms/${ADOPTED}/multicast-group`, { group_ip: "239.1.1.1", sources: [] }],
  ["PUT", `/vmms/${ADOPTED}/ports`, { ports: ["guest0"], primary: "guest0" }],
  ["PUT", `/vmms/${OTHER}`, ensureBody()],
  ["DELETE", `/vmms/${REGISTERED}`],
  ["PUT", `/vmms/${REGISTERED}/state`, { state: { type: "stopped" } }],
  ["POST", "/multicast/audit"],
];

/** All that can be seen without the driver, and what the driver holds. */
async function seen() {
  const own = ["/vmms", `/vmms/${ADOPTED}/multicast-group`, `/vmms/${REGISTERED}/state`, "/networking/mcast-filters"];
  const bodies = await Promise.all(own.map(async (path) => (await sled.get(path)).body));
  return { bodies, tables: structuredClone(sled.model.tables) };
}

test("whatever would change something is refused with 503 LANE_FULL and Retry-After, is counted, and changes nothing", async () => {
  const before = await seen();
  for (const [method, path, body] of CHANGES) {
    const { status, headers, body: answer } = await sled.request(method, path, body);
    expect({ method, path, status, answer, retry: headers["retry-after"] }).toMatchObject({
      method,
      path,
      status: 503,
      answer: { error_code: "LANE_FULL" },
      retry: expect.stringMatching(/^[1-9]\d*$/),
    });
  }
  expect(await seen()).toEqual(before);
  expect((await sled.get("/metrics")).text.split("\n")).toContain(`sledcast_lane_refused_total ${CHANGES.length}`);
  letGo();
  expect((await Promise.all(accepted)).map(({ status }) => status)).toEqual([204, 204]);
  expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1", "239.2.2.2": "ff04::2", "239.3.3.3": "ff04::3" });
});

test("what has been seen can be read", async () => {
  for (const path of ["/networking/mcast-m2p", "/networking/mcast-fwd"]) {
    const { status, headers } = await sled.get(path);
    expect({ path, status, age: headers.age }).toEqual({ path, status: 200, age: expect.anything() });
  }
  for (const path of ["/vmms", "/networking/mcast-filters", "/multicast/status", "/metrics", "/readyz"]) {
    expect({ path, status: (await sled.get(path)).status }).toEqual({ path, status: 200 });
  }
});

test("status and metrics tell how much room there is", async () => {
  expect((await sled.get("/multicast/status")).body).toMatchObject({ lane: { waiting: 1, capacity: 1 } });
  const lines = (await sled.get("/metrics")).text.split("\n");
  expect(lines).toEqual(expect.arrayContaining(["sledcast_lane_capacity 1", "sledcast_lane_waiting 1"]));
});
