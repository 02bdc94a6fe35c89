/** A ledger on a file system that gets full, and then has room again: what became of each, as one line of JSON. */
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { messageOf } from "../../src/error.ts";
import { FileLedger } from "../../src/intent/ledger/file-ledger.ts";
import { NO_LOG, stateOf } from "./ledger-kit.ts";

const [, , root = ""] = process.argv;
const dir = path.join(root, "state");
const filler = path.join(root, "filler");
let ledger = await FileLedger.open(dir, { log: NO_LOG, leastLog: 4096 });
await ledger.record([{ key: "before", value: 1 }]);
// All but some pages.
writeFileSync(filler, Buffer.alloc(192 * 1024));
let written = 0;
let refusal: unknown;
for (; refusal === undefined && written < 100; written++) {
  await ledger.record([{ key: `k${written}`, value: "x".repeat(2000) }]).catch((error: unknown) => {
    refusal = error;
  });
}
const acknowledged = stateOf(ledger);
const { broken } = ledger;
await ledger.close();
ledger = await FileLedger.open(dir, { log: NO_LOG, leastLog: 4096 });
const found = stateOf(ledger);
rmSync(filler);
await ledger.repair();
await ledger.record([{ key: "after", value: 2 }]);
await ledger.close();
ledger = await FileLedger.open(dir, { log: NO_LOG });
const isSame = JSON.stringify(found) === JSON.stringify(acknowledged);
const { broken: brokenAfter } = ledger;
const last = stateOf(ledger);
process.stdout.write(
  `${JSON.stringify({ written, refusal: messageOf(refusal), broken, isSame, brokenAfter: brokenAfter ?? null, before: last.before, after: last.after, keys: Object.keys(last).length, acknowledged: Object.keys(acknowledged).length })}\n`,
);
