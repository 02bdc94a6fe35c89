/**
 * `npm run transcripts -- FILE…`: replays sequences recorded from the real driver's code against
 * the driver model, through the wire layer. Every step's result must be equal to the byte. Steps
 * that something else than the driver decided (`assumed`) are reported apart.
 */
import { readFileSync } from "node:fs";
import { messageOf } from "../src/error.ts";
import { ILLUMOS_ERRNO } from "../src/opte/error.ts";
import { IoctlModel, type IoctlReply } from "../src/opte/model/ioctl.ts";
import { DriverModel } from "../src/opte/model/model.ts";
import { knownVersion, wireCommand } from "../src/opte/versions.ts";
import { decode } from "../src/postcard/codec.ts";

interface Step {
  readonly cmd: string;
  readonly no: number;
  readonly req: string;
  readonly resp_len: number;
  /** Only where it is not the file's. */
  readonly api_version?: number | string;
  readonly rc: number;
  readonly errno: number;
  readonly flags: number;
  readonly resp_len_actual: number;
  readonly resp: string;
  readonly note?: string;
  readonly assumed?: boolean;
}

interface Sequence {
  readonly id: string;
  readonly ports_start: "ready" | "running";
  readonly steps: readonly Step[];
}

interface TranscriptFile {
  readonly api_version: number;
  readonly initial: { readonly links: readonly string[] };
  readonly sequences: readonly Sequence[];
}

const RESULT = ["rc", "errno", "flags", "resp_len_actual", "resp"] as const;
type Result = Pick<Step, (typeof RESULT)[number]>;

function resultOf({ errno, copiedOut, actual, reply }: IoctlReply): Result {
  return {
    rc: errno === 0 ? 0 : -1,
    errno,
    flags: copiedOut ? 1 : 0,
    resp_len_actual: actual,
    resp: Buffer.from(reply).toString("hex"),
  };
}

async function replay(driver: IoctlModel, step: Step, version: number): Promise<void> {
  const got = resultOf(
    await driver.answer({
      apiVersion: BigInt(step.api_version ?? version),
      cmd: step.no,
      body: Uint8Array.from(Buffer.from(step.req, "hex")),
      unreadable: false,
      capacity: BigInt(step.resp_len),
    }),
  );
  const wrong = RESULT.filter((key) => got[key] !== step[key]);
  if (wrong.length === 0) return;
  throw new Error(wrong.map((key) => `${key} is ${got[key]}, the driver gave ${step[key]}`).join("; "));
}

/**
 * What the rest of the kernel decided goes into the model beforehand: for these recordings, that
 * a port's link was in use when it was to be deleted.
 */
function assume({ model, version }: IoctlModel, { cmd, errno, req }: Step): void {
  const { request } = wireCommand(version, "DeleteXde") ?? {};
  if (cmd !== "DeleteXde" || request === undefined) throw new Error("nothing is known about such an assumption");
  const { name } = decode(request, Uint8Array.from(Buffer.from(req, "hex"))).value;
  model.setPort({ name, busy: errno === ILLUMOS_ERRNO.EBUSY });
}

const count = { passed: 0, failed: 0, assumedPassed: 0, assumedFailed: 0 };

async function replaySequence(file: TranscriptFile, { id, ports_start, steps }: Sequence, label: string) {
  const version = knownVersion(file.api_version);
  if (version === undefined) throw new Error(`API ${file.api_version} is not known here`);
  const model = new DriverModel({ underlay: false, links: file.initial.links, portsStart: ports_start });
  const driver = new IoctlModel(model, version);
  for (const [i, step] of steps.entries()) {
    try {
      if (step.assumed) assume(driver, step);
      await replay(driver, step, version);
      count[step.assumed ? "assumedPassed" : "passed"]++;
    } catch (error) {
      count[step.assumed ? "assumedFailed" : "failed"]++;
      const note = step.note === undefined ? "" : ` (${step.note})`;
      console.error(`${label}: ${id} step ${i} ${step.cmd}${note}: ${messageOf(error)}`);
    }
  }
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: npm run transcripts -- FILE…   (recorded sequences: transcripts-v41.json and its like)");
  process.exit(2);
}
for (const path of files) {
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as TranscriptFile;
    for (const sequence of file.sequences) await replaySequence(file, sequence, path);
  } catch (error) {
    count.failed++;
    console.error(`${path}: ${messageOf(error)}`);
  }
}
const assumed = count.assumedPassed + count.assumedFailed;
if (assumed > 0) console.log(`assumed steps, counted apart: ${count.assumedPassed} alike, ${count.assumedFailed} not`);
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed === 0 && count.passed > 0 ? 0 : 1);
