// Run in a network namespace of its own: changes its interfaces in every way, and prints for each
// how many hints of the addon's watch came, as one JSON object.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const { LinkWatch } = createRequire(import.meta.url)("../../build/Release/sledcast.node");
const ip = (...args) => execFileSync("ip", args);
const setting = (name, value) => writeFileSync(`/proc/sys/net/ipv6/conf/${name}`, value);

let hints = 0;
let told = () => {};
function start() {
  const watch = new LinkWatch();
  const errno = watch.start((error) => {
    if (error !== 0) throw new Error(`the watch broke: ${error}`);
    hints++;
    told();
  });
  if (errno !== 0) throw new Error(`the watch does not start: ${errno}`);
  return watch;
}

/** The kernel says some things later (an address that was checked): none of that may count for the next change. */
async function quiet() {
  for (let before = -1; before !== hints; ) {
    before = hints;
    await sleep(150);
  }
}

async function hintsOf(change) {
  await quiet();
  hints = 0;
  await new Promise((resolve) => {
    // It is what keeps the process alive: the watch does not.
    const waited = setTimeout(resolve, 5000);
    told = () => {
      clearTimeout(waited);
      resolve();
    };
    change();
  });
  return hints;
}

setting("default/accept_dad", "0");
setting("all/accept_dad", "0");
const watch = start();
const said = {};
const changes = {
  created: () => ip("link", "add", "wa", "type", "veth", "peer", "name", "wb"),
  up: () => ip("link", "set", "wa", "up"),
  down: () => ip("link", "set", "wa", "down"),
  renamed: () => ip("link", "set", "wa", "name", "wc"),
  mtuBelowIpv6: () => ip("link", "set", "wc", "mtu", "1200"),
  mtuBack: () => ip("link", "set", "wc", "mtu", "1500"),
  upAgain: () => ip("link", "set", "wc", "up"),
  carrier: () => ip("link", "set", "wb", "up"),
  address: () => ip("address", "add", "fd00::1/64", "dev", "wc", "nodad"),
  noAddress: () => ip("address", "del", "fd00::1/64", "dev", "wc"),
  ipv6Off: () => setting("wc/disable_ipv6", "1"),
  ipv6On: () => setting("wc/disable_ipv6", "0"),
  deleted: () => ip("link", "del", "wc"),
  recreated: () => ip("link", "add", "wc", "type", "veth", "peer", "name", "wb"),
};
for (const [name, change] of Object.entries(changes)) said[name] = await hintsOf(change);

// While JavaScript is busy, what comes is one call.
await quiet();
hints = 0;
for (let mtu = 1400; mtu < 1450; mtu++) ip("link", "set", "wc", "mtu", `${mtu}`);
await quiet();
said.fiftyWhileBusy = hints;

// More than one watch, and what one's end does to another.
const other = start();
said.twoWatches = await hintsOf(() => ip("link", "set", "wc", "mtu", "1460"));
await quiet();
other.close();
other.close();
said.oneOfTwo = await hintsOf(() => ip("link", "set", "wc", "mtu", "1470"));

await quiet();
watch.close();
hints = 0;
ip("link", "del", "wc");
await sleep(200);
said.afterClose = hints;

// An event that is queued when the watch is closed does not come either.
const last = start();
ip("link", "add", "wc", "type", "veth", "peer", "name", "wb");
last.close();
await sleep(100);
said.queuedAtClose = hints;

// One whose socket is taken from under it: what comes next shows that to it.
const sockets = () =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  });
const others = sockets();
const broken = new LinkWatch();
said.errors = [];
broken.start((error) => said.errors.push(error));
const taken = Number(sockets().find((fd) => !others.includes(fd)));
closeSync(taken);
// So that its number is nobody else's.
while (openSync("/dev/null") < taken);
for (const mtu of ["1480", "1490"]) {
  ip("link", "set", "wc", "mtu", mtu);
  await sleep(100);
}
broken.close();

console.log(JSON.stringify(said));
