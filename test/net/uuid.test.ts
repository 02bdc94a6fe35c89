/** sled-agent-api.md §3.5. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseUuid } from "../../src/uuid.ts";
import { anyText, property } from "./arbitraries.ts";

const FORMS: Readonly<Record<string, (uuid: string) => string>> = {
  hyphenated: (uuid) => uuid,
  bare: (uuid) => uuid.replaceAll("-", ""),
  braced: (uuid) => `{${uuid}}`,
  "a URN": (uuid) => `urn:uuid:${uuid}`,
};

describe("a UUID", () => {
  for (const [name, form] of Object.entries(FORMS)) {
    it(`is read ${name}, in any case, and kept hyphenated in lower case`, () => {
      fc.assert(
        property(fc.uuid(), (uuid) => {
          expect(parseUuid(form(uuid))).toBe(uuid);
          expect(parseUuid(form(uuid.toUpperCase()))).toBe(uuid);
        }),
      );
    });
  }

  it("need not be of any version", () => {
    const odd = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    expect(parseUuid(odd)).toBe(odd);
  });

  const UUID = "aaaaaaaa-0000-4000-8000-000000000001";
  it.each([
    "",
    UUID.slice(1),
    `${UUID}0`,
    ` ${UUID}`,
    `${UUID}\n`,
    `{${UUID}`,
    `${UUID}}`,
    `{urn:uuid:${UUID}}`,
    `{${UUID.replaceAll("-", "")}}`,
    `urn:uuid:${UUID.replaceAll("-", "")}`,
    UUID.replace("-", ""),
    UUID.replace("a", "g"),
    "aaaaaaaa0-000-4000-8000-000000000001",
  ])("is not %j", (text) => expect(parseUuid(text)).toBeUndefined());

  it("is 32 digits in one of the four forms, and nothing else", () => {
    fc.assert(
      property(anyText, (text) => {
        const uuid = parseUuid(text);
        if (uuid !== undefined)
          expect(
            text
              .toLowerCase()
              .replace(/^urn:uuid:/, "")
              .replace(/[{}-]/g, ""),
          ).toBe(uuid.replaceAll("-", ""));
      }),
    );
  });
});
