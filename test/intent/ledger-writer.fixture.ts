/** A process that holds a state directory and writes record after record, saying each one's number once it is done. */
import { writeSync } from "node:fs";
import { FileLedger } from "../../src/intent/ledger/file-ledger.ts";
import { lockStateDir } from "../../src/intent/state-dir.ts";
import { NO_LOG } from "./ledger-kit.ts";
import { changesOf } from "./ledger-steps.ts";

const [, , dir = "", from = "0"] = process.argv;
const lock = await lockStateDir(dir, NO_LOG);
lock.setAddress("[::1]:1");
const ledger = await FileLedger.open(dir, { log: NO_LOG, leastLog: 20_000 });
for (let n = Number(from); ; n++) {
  await ledger.record(changesOf(n));
  writeSync(1, `${n}\n`);
}
