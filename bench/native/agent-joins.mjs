// An agent in process, over the driver model and real NICs, for bench/joins.ts:
//   node bench/native/agent-joins.mjs <addon|koffi|none> <groups> <interface>...
// With "none" every step succeeds at once, and what is left is the agent's own share.
// With that many mappings in the driver it starts, which joins them all, and says what that took
// as a line of JSON. It then waits for a line: "leave" leaves them all, group by group as a closing
// config would, "close" closes; anything else, or being killed, ends it as it is.
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";

const [, , bindingName, count, ...nics] = process.argv;
const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);
const [{ SledAgent }, { DriverModel }, { ModelDatalinks }, { NicJoins }, { Metrics }] = await Promise.all([
  built("agent/agent.js"),
  built("opte/model/model.js"),
  built("host/datalinks.js"),
  built("host/nic-joins.js"),
  built("metrics.js"),
]);
const NO_KERNEL = {
  name: "none",
  openMemberships: () => ({ run: async (script) => new Int32Array(script.length), close: async () => {} }),
  interfaceIndexes: async (names) => names.map((_, i) => i + 2),
};

async function bindingOf(name) {
  if (name === "none") return NO_KERNEL;
  process.env.SLEDCAST_BINDING = name;
  const { loadBinding } = await built("host/bindings.js");
  return (await loadBinding()).binding;
}
const binding = await bindingOf(bindingName);

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: console.error };
const model = new DriverModel();
const underlays = [];
for (let n = 0; n < Number(count); n++) {
  const underlay = `ff04::${(n + 1).toString(16)}`;
  underlays.push(underlay);
  await model.call("SetMcast2Phys", { group: `239.7.${n >> 8}.${n & 255}`, underlay });
}

/** Runs it, and says how long it took and how long the event loop was held up at most; both in ms. */
async function clocked(work) {
  // The histogram's first value is from before there was anything to wait for.
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 50));
  delay.reset();
  const since = performance.now();
  await work();
  const ms = performance.now() - since;
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  return { ms, heldUpMs: delay.max / 1e6 };
}
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

// The join itself, once on a group that is left again: what is compiled at the first call is not the kernel's cost.
const table = bindingName === "none" ? { table: async () => undefined } : {};
const joins = new NicJoins({ binding, nics, log, ...table });
let joinMs = 0;
const joinWhereCan = joins.joinWhereCan.bind(joins);
joins.joinWhereCan = async (groups) => {
  const since = performance.now();
  const failures = await joinWhereCan(groups);
  joinMs += performance.now() - since;
  if (failures.length > 0) throw new Error(failures[0].first);
  return failures;
};
const agent = new SledAgent({
  transport: model,
  joins,
  datalinks: new ModelDatalinks(),
  underlayIp: "fd00::1",
  log,
  metrics: new Metrics(),
});
const idle = await clocked(() => new Promise((resolve) => setTimeout(resolve, 300)));
const start = await clocked(() => agent.start());
say({
  joinMs,
  startMs: start.ms,
  heldUpMs: start.heldUpMs,
  idleHeldUpMs: idle.heldUpMs,
  joined: joins.brokenCount === 0,
});

process.stdin.setEncoding("utf8");
const [line] = await once(process.stdin, "data");
if (line.startsWith("leave")) say(await clocked(() => joins.leave(underlays)));
if (line.startsWith("close")) say(await clocked(() => agent.close()));
process.exit(0);
