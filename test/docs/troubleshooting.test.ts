/** docs/troubleshooting.md explains messages that the programs do say. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ROOT, read } from "./documents.ts";

/** Programs, and what speaks for them. */
const FOLDERS = ["src", "native", "smf", "scripts"];

function texts(folder: string): string[] {
  const entries = readdirSync(`${ROOT}/${folder}`, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(`${parentPath}/${name}`, "utf8"));
}

const present = (folder: string) => readdirSync(ROOT).includes(folder);
const SOURCES = FOLDERS.filter(present)
  .flatMap(texts)
  // A long message is put together of several strings.
  .map((text) => text.replaceAll("\\`", "`").replaceAll(/["`']\s*\+\s*["`']/g, ""));

const headings = [...read("docs/troubleshooting.md").matchAll(/^### `(.*)`$/gm)].map(([, heading = ""]) => heading);
const fixedParts = (heading: string) => heading.split("…").filter((part) => /\w{2}/.test(part));

test("every message on the page is one that the programs say", () => {
  const isSaid = (heading: string) =>
    SOURCES.some((source) => fixedParts(heading).every((part) => source.includes(part)));
  expect(headings.filter((heading) => !isSaid(heading))).toEqual([]);
});

test("no message is there twice, and each can be told from the others", () => {
  expect(headings.filter((heading, i) => headings.indexOf(heading) !== i)).toEqual([]);
  expect(headings.filter((heading) => fixedParts(heading).join("").length < 8)).toEqual([]);
});

/** Those at the levels that ask for attention. */
function warnings(source: string): string[] {
  const calls = source.matchAll(/[lL]og\.(?:warn|error)\((?:[^;]*?[,(]\s*)"([^"]{12,})"/g);
  return [...calls].map(([, message = ""]) => message);
}

test("what the agent warns of in its log is explained", () => {
  const explained = (message: string) =>
    headings.some((heading) => fixedParts(heading).every((part) => message.includes(part)));
  const all = texts("src").flatMap(warnings);
  expect(all.length).toBeGreaterThan(20);
  expect(all.filter((message) => !explained(message))).toEqual([]);
});
