import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readMemberships } from "../../src/host/membership-table.ts";

const group = (low: string) => `ff04${"0".repeat(28 - low.length)}${low}`.padEnd(32, "0");

describe.skipIf(process.platform !== "linux")("the kernel's table of memberships", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "table-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (text: string, ...indexes: number[]) => {
    const file = path.join(folder, "igmp6");
    writeFileSync(file, text);
    return readMemberships(indexes, file);
  };

  test("has the underlay groups of each interface that is asked for", async () => {
    const table = await read(
      [
        `1    lo              ff020000000000000000000000000001     1 0000000C 0`,
        `5    u0              ${group("1")}     1 00000004 0`,
        `5    u0              ff020000000000000000000000000001     2 0000000C 0`,
        `17   abcdefghijklmno ${group("2")}    12 00000004 0`,
        `9    u9              ${group("3")}     1 00000004 0`,
        "",
      ].join("\n"),
      5,
      17,
      21,
    );
    expect(table).toEqual(
      new Map([
        [5, new Set([group("1")])],
        [17, new Set([group("2")])],
        [21, new Set()],
      ]),
    );
  });

  test("is read whole where it has twenty thousand lines", async () => {
    const lines = Array.from(
      { length: 20_000 },
      (_, i) => `5    u0              ${group(i.toString(16))}     1 00000004 0\n`,
    );
    const table = await read(lines.join(""), 5);
    expect(table?.get(5)?.size).toBe(20_000);
  });

  test("of this machine can be read", async () => {
    expect(await readMemberships([1])).toEqual(new Map([[1, expect.any(Set)]]));
  });
});
