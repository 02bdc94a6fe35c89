/** Every command that a reader is told to type. */
import { describe, expect, test } from "vitest";
import { DOCUMENTS, fencesOf, placeOf } from "./documents.ts";
import { missingFor, runDocument } from "./session.ts";

const inCI = process.env.CI === "true" || process.env.CI === "1";

describe.each(DOCUMENTS)("%s", (document) => {
  test("says of each block in which language it is", () => {
    const known = ["sh", "json", "text", "toml", "ts", "xml"];
    const unknown = fencesOf(document).filter(({ language }) => !known.includes(language));
    expect(unknown.map(placeOf)).toEqual([]);
  });

  test("has commands that do what it says, with the answers that it shows", async ({ skip }) => {
    const missing = missingFor(document).join(", ");
    skip(missing !== "" && !inCI, `${missing} is not installed`);
    expect(missing).toBe("");
    expect(await runDocument(document)).toEqual([]);
  });
});
