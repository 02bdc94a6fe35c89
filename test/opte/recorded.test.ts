/**
 * The two tools that hold codec and driver model against recordings, run as anyone would run them:
 * on small files of our own, damaged ones among them, and on the recordings where they are at hand.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ownFolder } from "./kit.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const RECORDINGS = fileURLToPath(new URL("../../../shared/vectors/", import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function ended(command: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd: ROOT, maxBuffer: 2 ** 26 }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

type Script = "vectors" | "transcripts";

/** What `npm run` runs, without npm's own start. */
const run = (script: Script, ...files: string[]) =>
  ended(process.execPath, ["--import", "tsx", `scripts/${script}.ts`, ...files]);
const npmRun = (script: Script, ...files: string[]) => ended("npm", ["run", "--silent", script, "--", ...files]);

/** A file of that content in a folder of the test's own. */
function file(content: unknown): string {
  const path = join(ownFolder(), "recorded.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const refusal = { ok: false, error: "Found a bool that wasn't 0 or 1" };
const VECTORS = {
  api_version: 41,
  vectors: [
    { type: "Vni", name: "77", value: 77, hex: "00004d" },
    { type: "u64", name: "greatest", value: "18446744073709551615", hex: "ffffffffffffffffff01" },
  ],
  decode: [
    { type: "bool", name: "two", hex: "02", ...refusal },
    { type: "u8", name: "more behind", hex: "0700", ok: true, value: 7, reencoded_hex: "07" },
  ],
};

const result = { resp_len: 64, rc: 0, errno: 0, flags: 1, resp_len_actual: 1, resp: "00" };
const NO_PORT = { cmd: "DeleteXde", no: 71, req: "0170", ...result };
const TRANSCRIPT = {
  api_version: 41,
  initial: { links: ["a0", "b1"] },
  sequences: [
    {
      id: "own",
      ports_start: "ready",
      steps: [
        { cmd: "SetXdeUnderlay", no: 72, req: "026130026231", ...result },
        { ...NO_PORT, rc: -1, errno: 2, resp_len_actual: 3, resp: "110170" },
        { ...NO_PORT, rc: -1, errno: 132, flags: 0, resp_len: 2, resp_len_actual: 3, resp: "" },
        { ...NO_PORT, api_version: "40", rc: -1, errno: 71, resp_len_actual: 3, resp: "002829" },
      ],
    },
  ],
};

type Tampering = readonly [from: string, to: string, said: string];

/** One file for each tampering: the same content with one text in it exchanged for another. */
const tampered = (content: unknown, by: readonly Tampering[]) =>
  by.map(([from, to]) => file(JSON.stringify(content).replace(from, to)));

describe("the tool for encodings", () => {
  it("counts what passed, and ends well", async () => {
    const { code, out, err } = await run("vectors", file(VECTORS));
    expect({ code, out }).toEqual({ code: 0, out: "4 passed, 0 failed\n" });
    expect(err).toContain("1 values had bytes behind them");
  });

  it("fails once for each thing in a file that is wrong, and says which", async () => {
    const by: readonly Tampering[] = [
      ["00004d", "00004e", "Vni 77: decoded to 78, not 77"],
      ["00004d", "00004d00", "Vni 77: encoded to 00004d, not 00004d00"],
      ["18446744073709551615", "18446744073709551614", "u64 greatest: decoded to"],
      ['"02"', '"01"', "decode bool two: was taken; the driver says: Found a bool"],
      ['"Vni"', '"Nope"', "Nope 77: no such type in API 41"],
      ['"reencoded_hex":"07"', '"reencoded_hex":"08"', "decode u8 more behind: encoded to 07, not 08"],
    ];
    const { code, out, err } = await run("vectors", ...tampered(VECTORS, by));
    expect({ code, out }).toEqual({ code: 1, out: "18 passed, 6 failed\n" });
    for (const [, , said] of by) expect(err).toContain(said);
  });
});

describe("the tool for sequences", () => {
  it("counts the steps that were alike, and ends well", async () => {
    const { code, out } = await run("transcripts", file(TRANSCRIPT));
    expect({ code, out }).toEqual({ code: 0, out: "4 passed, 0 failed\n" });
  });

  it("fails once for each step that differs, and says which and how", async () => {
    const by: readonly Tampering[] = [
      ['"errno":2,', '"errno":22,', "own step 1 DeleteXde: errno is 2, the driver gave 22"],
      ["110170", "110171", "own step 1 DeleteXde: resp is 110170, the driver gave 110171"],
      ['"resp_len":2,', '"resp_len":3,', "own step 2 DeleteXde: errno is 2, the driver gave 132; flags is 1"],
    ];
    const { code, out, err } = await run("transcripts", ...tampered(TRANSCRIPT, by));
    expect({ code, out }).toEqual({ code: 1, out: "9 passed, 3 failed\n" });
    for (const [, , said] of by) expect(err).toContain(said);
  });
});

describe.each(["vectors", "transcripts"] as const)("the script %s", (script) => {
  it("without a file says how it is used", async () => {
    const { code, err } = await run(script);
    expect(code).toBe(2);
    expect(err).toContain(`usage: npm run ${script} -- FILE`);
  });

  it("names a file that is not there", async () => {
    const { code, out, err } = await run(script, "nowhere.json");
    expect({ code, out }).toEqual({ code: 1, out: "0 passed, 1 failed\n" });
    expect(err).toContain("nowhere.json: ENOENT");
  });

  it("fails on a file without a case in it, or that is no JSON", async () => {
    const empty = { api_version: 41, vectors: [], decode: [], sequences: [] };
    expect(await run(script, file(empty))).toMatchObject({ code: 1, out: "0 passed, 0 failed\n" });
    expect(await run(script, file("{"))).toMatchObject({ code: 1, out: "0 passed, 1 failed\n" });
  });
});

const [v38, v39, v40, v41, t40, t41] = [
  "opte-v38",
  "opte-v39",
  "opte-v40",
  "opte-v41",
  "transcripts-v40",
  "transcripts-v41",
].map((name) => join(RECORDINGS, `${name}.json`)) as [string, string, string, string, string, string];
const VECTOR_FILES = [v38, v39, v40, v41];
const TRANSCRIPT_FILES = [t40, t41];
const missing = [...VECTOR_FILES, ...TRANSCRIPT_FILES].some((path) => !existsSync(path));
const unless = missing ? " (not run: ../shared/vectors is absent)" : "";

interface Recorded {
  readonly vectors: readonly unknown[];
  readonly decode: readonly unknown[];
  readonly sequences: readonly { readonly steps: readonly { readonly assumed?: boolean }[] }[];
}
const read = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Recorded;

describe(`the recordings${unless}`, () => {
  it.skipIf(missing)("of encodings all pass", async () => {
    const cases = VECTOR_FILES.map(read).reduce((sum, one) => sum + one.vectors.length + one.decode.length, 0);
    const { code, out } = await npmRun("vectors", ...VECTOR_FILES);
    expect({ code, out }).toEqual({ code: 0, out: `${cases} passed, 0 failed\n` });
    expect(cases).toBeGreaterThan(1000);
  });

  it.skipIf(missing)(
    "of sequences all pass, and so do the steps that something else than the driver decided",
    async () => {
      const steps = TRANSCRIPT_FILES.flatMap((path) => read(path).sequences.flatMap((sequence) => sequence.steps));
      const assumed = steps.filter((step) => step.assumed === true).length;
      const { code, out } = await npmRun("transcripts", ...TRANSCRIPT_FILES);
      expect(code).toBe(0);
      expect(out).toBe(
        `assumed steps, counted apart: ${assumed} alike, 0 not\n${steps.length - assumed} passed, 0 failed\n`,
      );
      expect(steps.length).toBeGreaterThan(1000);
    },
  );

  it.skipIf(missing)("with one byte of one vector changed fail once", async () => {
    const { vectors, decode } = read(v41);
    const [first, ...rest] = vectors as [{ readonly hex: string }];
    const changed = { ...first, hex: `${first.hex.slice(0, -2)}${first.hex.endsWith("00") ? "01" : "00"}` };
    const { code, out } = await run("vectors", file({ api_version: 41, vectors: [changed, ...rest], decode }));
    expect({ code, out }).toEqual({ code: 1, out: `${vectors.length + decode.length - 1} passed, 1 failed\n` });
  });
});
