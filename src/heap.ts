/**
 * V8's heap, held to what the daemon needs of it. Left to itself V8 first collects its old
 * generation at some hundred MB, and then lets it grow several fold: with 10,000 groups and 1,000
 * VMMs, 66 MB in use were 390 MB resident, for a daemon that is a guest on its host. Node takes these
 * as options of its command line only in part, and whoever starts `dist/daemon.js` knows none of them.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What is in use may grow by this much until it is collected again. */
const GROWING_PERCENT = 17;

export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
  // The young generation would become 48 MB, of which a request needs little.
  setFlagsFromString("--semi-space-growth-factor=1");
  // The growth counts from the first collection: now, while there is hardly anything to collect.
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  setFlagsFromString("--no-expose-gc");
}
