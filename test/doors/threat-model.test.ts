/** The threat model names a test for each threat: every one of them exists, by that name. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const textOf = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const MODEL = textOf("docs/threat-model.md");
const rows = MODEL.slice(MODEL.indexOf("## Threats"), MODEL.indexOf("## What is not defended"))
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| threat "));
/** What stands first in `test(…)`, `it(…)`, or after their `each` and `skipIf`. */
const TITLE = /(?:\b(?:test|it)|\))\(\s*"([^"]+)"/g;
const titlesIn = (file: string) => [...textOf(file).matchAll(TITLE)].map(([, title]) => title);
const NAMED = /`(test\/[^`]+)`: "([^"]+)"/g;

test.each(rows.map((row) => [row.split("|")[1]?.trim() ?? "", row]))(
  "%s: each test that shows it is there",
  (_what, row) => {
    const named = [...row.matchAll(NAMED)];
    expect(named).not.toEqual([]);
    for (const [, file = "", name = ""] of named) {
      expect(titlesIn(file), file).toContain(name);
    }
  },
);
