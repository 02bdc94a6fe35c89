/**
 * The ledger's files cut and damaged at every byte. A share of the bytes is tried unless
 * SLEDCAST_LEDGER_BYTES=all; `bench/long-ledger.mjs` tries them all.
 */
import { describe, expect, it } from "vitest";
import { check } from "../../src/intent/ledger/check.ts";
import { LedgerRefused } from "../../src/intent/ledger/load.ts";
import { repair } from "../../src/intent/ledger/salvage.ts";
import { SALVAGED } from "../../src/intent/ledger.ts";
import { DIR, open, stateOf, TestDisk } from "./ledger-kit.ts";

const STRIDE = process.env.SLEDCAST_LEDGER_BYTES === "all" ? 1 : 13;
const start = Math.floor(Math.random() * STRIDE);

type State = Readonly<Record<string, unknown>>;

interface Written {
  readonly disk: TestDisk;
  /** After each record, beginning with none. */
  readonly states: readonly State[];
}

/** Two generations, both with a snapshot of several lines, and records behind the newer one's. */
async function written(): Promise<Written> {
  const disk = new TestDisk();
  const ledger = await open(disk, { leastLog: 40_000 });
  const states: State[] = [stateOf(ledger)];
  const put = async (key: string, value: unknown) => {
    await ledger.record([{ key, value }]);
    states.push(stateOf(ledger));
  };
  for (let n = 0; disk.files["ledger.3"] === undefined; n++) await put(`vmm/${n % 40}`, { n, text: "x".repeat(900) });
  await put("vmm/0", undefined);
  await put("config", { generation: 7 });
  await put("port/x", null);
  await ledger.close();
  return { disk, states };
}

const { disk, states } = await written();
const newest = disk.files["ledger.3"] ?? Buffer.alloc(0);
const older = disk.files["ledger.2"] ?? Buffer.alloc(0);
const last = states.at(-1) ?? {};
const linesOf = (bytes: Buffer) => bytes.toString("latin1").split("\n").slice(0, -1);
const lastLineAt = newest.length - (linesOf(newest).at(-1)?.length ?? 0) - 1;
const recordsAt = newest.indexOf("snapshot_end");

/** Every place there is at the line's ends, and a share of those in between: the middle of a long text is one place. */
function* places(bytes: Buffer): Generator<number> {
  let at = 0;
  for (const line of linesOf(bytes)) {
    for (let i = 0; i <= line.length; i++) {
      const isEdge = i < 24 || i > line.length - 3;
      if (
        STRIDE === 1 ||
        (isEdge && (i + start) % 3 === 0) ||
        (at + i + start) % (line.length > 2000 ? 997 : STRIDE) === 0
      )
        yield at + i;
    }
    at += line.length + 1;
  }
}

type Outcome = { readonly state: State } | { readonly refused: string };

async function outcomeOf(files: Record<string, Buffer>): Promise<Outcome> {
  try {
    const ledger = await open(TestDisk.of(files));
    return { state: stateOf(ledger) };
  } catch (error) {
    if (!(error instanceof LedgerRefused)) throw error;
    return { refused: error.message };
  }
}

describe("a ledger's file that is damaged", () => {
  it("has the two generations that the suite is about", () => {
    expect(Object.keys(disk.files)).toEqual(["ledger.2", "ledger.3"]);
    expect(linesOf(newest).filter((line) => line.includes('{"snapshot":'))).toHaveLength(2);
    expect(linesOf(newest).at(-1)).toMatch(/"record":\[\["port\/x",null\]\]/);
  });

  it("gives the state before its last record when that is torn, at every byte", async () => {
    for (let end = lastLineAt; end < newest.length; end++) {
      for (const tail of [Buffer.alloc(0), Buffer.alloc(newest.length - end)]) {
        const torn = { ...disk.files, "ledger.3": Buffer.concat([newest.subarray(0, end), tail]) };
        expect(await outcomeOf(torn), `cut at ${end}`).toEqual({ state: states.at(-2) });
      }
    }
  });

  it("is read to its last whole record, or refused by name, wherever it is cut", async () => {
    const records = linesOf(newest)
      .slice(-4)
      .map((line) => line.length + 1);
    for (const end of places(newest)) {
      const outcome = await outcomeOf({ ...disk.files, "ledger.3": newest.subarray(0, end) });
      if ("refused" in outcome) {
        expect(outcome.refused, `cut at ${end}`).toContain(`${DIR}/ledger.3 is damaged`);
        expect(end).toBeLessThan(newest.length - records.reduce((sum, one) => sum + one, 0));
      } else {
        expect(states.slice(-5), `cut at ${end}`).toContainEqual(outcome.state);
      }
    }
  });

  it("loses nothing in silence but the last line, whichever byte is another one", async () => {
    let recovered = 0;
    let refused = 0;
    for (const at of places(newest)) {
      const flipped = Buffer.from(newest);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      const outcome = await outcomeOf({ ...disk.files, "ledger.3": flipped });
      if ("refused" in outcome) {
        refused++;
        expect(outcome.refused, `byte ${at}`).toMatch(
          /^the ledger \/state\/ledger\.3 is damaged, line \d+ \(byte \d+\): .+ `sledcast ledger check --state-dir \/state` .+ `sledcast ledger repair --state-dir \/state`/,
        );
      } else if (at >= lastLineAt) {
        expect(outcome.state, `byte ${at}`).toEqual(states.at(-2));
      } else {
        recovered++;
        expect(outcome.state, `byte ${at}`).toEqual(last);
      }
    }
    expect(recovered).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });

  it("is recovered from the generation before it when the snapshot is damaged, and whole twice over then", async () => {
    const flipped = Buffer.from(newest);
    flipped[recordsAt - 100] = 0x21;
    const found = TestDisk.of({ ...disk.files, "ledger.3": flipped });
    const ledger = await open(found);
    expect(stateOf(ledger)).toEqual(last);
    await ledger.close();
    expect(Object.keys(found.files).sort()).toEqual(["ledger.3.damaged-1", "ledger.4", "ledger.5"]);
    expect(found.files["ledger.3.damaged-1"]).toEqual(flipped);
  });

  it("is refused when the generation before it cannot stand in, and nothing is changed", async () => {
    const flipped = Buffer.from(newest);
    flipped[recordsAt - 100] = 0x21;
    const damagedToo = Buffer.from(older);
    damagedToo[older.length - 1500] = 0x21;
    const others = {
      "is not there": {},
      "is damaged too": { "ledger.2": damagedToo },
      "ends at": { "ledger.2": older.subarray(0, older.lastIndexOf("\n", older.length - 2) + 1) },
    };
    for (const [why, other] of Object.entries(others)) {
      const found = TestDisk.of({ ...other, "ledger.3": flipped });
      await expect(open(found)).rejects.toThrow(
        new RegExp(`ledger\\.3 is damaged.*generation before it: ${DIR}/ledger.2 ${why}`),
      );
      expect(found.done).toEqual([]);
    }
  });

  it("is refused when it is empty, another generation's, or has a line twice or not at all", async () => {
    const lines = linesOf(newest).map((line) => `${line}\n`);
    const without = (n: number) => Buffer.from(lines.filter((_, i) => i !== n).join(""), "latin1");
    const twice = Buffer.from([...lines.slice(0, -1), lines.at(-2), lines.at(-1)].join(""), "latin1");
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(100),
      older,
      without(0),
      without(lines.length - 2),
      without(lines.length - 4),
      twice,
    ]) {
      expect(await outcomeOf({ ...disk.files, "ledger.3": bytes })).toMatchObject({
        refused: expect.stringContaining("ledger.3 is damaged"),
      });
    }
  });
});

describe("a check", () => {
  it("tells of each generation, and that a daemon would start", async () => {
    const report = await check(DIR, TestDisk.of(disk.files));
    expect(report).toMatchObject({
      refused: undefined,
      generations: [
        { file: `${DIR}/ledger.3`, format: 1, entries: 41, records: 4, bytes: newest.length, problems: [] },
        { file: `${DIR}/ledger.2`, format: 1, entries: 40, bytes: older.length, problems: [] },
      ],
    });
  });

  it("tells what is wrong where, and what a start would say", async () => {
    const flipped = Buffer.from(newest);
    flipped[lastLineAt - 5] = 0x21;
    const found = TestDisk.of({ "ledger.3": flipped });
    const report = await check(DIR, found);
    expect(report.refused?.message).toContain("others behind it");
    expect(report.generations[0]?.problems).toEqual([
      expect.stringMatching(/^line \d+ \(byte \d+\): the line is damaged/),
    ]);
    expect(found.done).toEqual([]);
  });

  it("finds nothing where there is nothing", async () => {
    expect(await check(DIR, new TestDisk())).toEqual({ generations: [], refused: undefined });
  });
});

describe("a repair", () => {
  it("changes nothing on a ledger that a daemon starts on", async () => {
    const found = TestDisk.of(disk.files);
    expect(await repair(DIR, { disk: found })).toBeUndefined();
    expect(found.done).toEqual([]);
  });

  it("keeps what can be read, says in numbers what cannot, and puts the damaged file aside", async () => {
    const flipped = Buffer.from(newest);
    flipped[lastLineAt - 5] = 0x21;
    const damagedLine = linesOf(newest).at(-2) ?? "";
    const found = TestDisk.of({ ...disk.files, "ledger.3": flipped });
    const would = await repair(DIR, { disk: found, dryRun: true });
    expect(would).toMatchObject({ damaged: [`${DIR}/ledger.3`], aside: [] });
    expect(found.done).toEqual([]);
    const report = await repair(DIR, { disk: found });
    expect(report).toMatchObject({
      lost: { lines: 1, bytes: damagedLine.length + 1, sequenceNumbers: 1 },
      entries: 40,
      records: 3,
      written: `${DIR}/ledger.4`,
      aside: [`${DIR}/ledger.3.damaged-1`],
    });
    expect(found.files["ledger.3.damaged-1"]).toEqual(flipped);
    const { config: _, ...rest } = last;
    expect(await outcomeOf(found.files)).toEqual({ state: { ...rest, [SALVAGED]: true } });
  });

  it("makes a ledger that a daemon starts on, whichever byte was damaged, and loses at most that line", async () => {
    for (const at of places(newest)) {
      const flipped = Buffer.from(newest);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      const found = TestDisk.of({ ...disk.files, "ledger.3": flipped });
      const report = await repair(DIR, { disk: found });
      if (report === undefined) continue;
      const outcome = await outcomeOf(found.files);
      if (!("state" in outcome)) throw new Error(`byte ${at}: ${outcome.refused}`);
      // A line end that is gone makes one damaged line of two.
      expect(report.lost.sequenceNumbers, `byte ${at}`).toBeLessThanOrEqual(2);
      const differing = Object.keys({ ...last, ...outcome.state }).filter(
        (key) => key !== SALVAGED && JSON.stringify(last[key]) !== JSON.stringify(outcome.state[key]),
      );
      expect(differing.length, `byte ${at}`).toBeLessThanOrEqual(2);
    }
  });

  it("does not touch what a later sledcast wrote", async () => {
    const later = new TestDisk();
    await (await open(later, { format: { version: 2, upgrades: new Map() } })).close();
    later.done.length = 0;
    await expect(repair(DIR, { disk: later })).rejects.toThrow(
      "written by a later sledcast (format 2; this one reads up to 1)",
    );
    expect(later.done).toEqual([]);
  });
});
