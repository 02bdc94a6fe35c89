/** A process that carries out step after step on a state file and says each one's number once it is done. */
import { writeSync } from "node:fs";
import { DriverModel } from "../../src/opte/model/model.ts";
import { step } from "./steps.ts";

const [, , state = "", from = "0", bulk = "2"] = process.argv;
const model = new DriverModel({ state });
for (let n = Number(from); ; n++) {
  await step(model, n, Number(bulk));
  writeSync(1, `${n}\n`);
}
