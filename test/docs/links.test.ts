/** What the pages point to is there. */
import { existsSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { DOCUMENTS, ROOT, read } from "./documents.ts";

/** As forges make them: small letters, hyphens for blanks, nothing else but digits. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

const anchorsOf = (document: string) =>
  [...read(document).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));

function isThere(document: string, target: string): boolean {
  const [file = "", anchor] = target.split("#");
  const at = file === "" ? document : path.join(path.dirname(document), file);
  if (!existsSync(`${ROOT}/${at}`)) return false;
  return anchor === undefined || anchorsOf(at).includes(anchor);
}

const withoutBlocks = (text: string) => text.replaceAll(/^```[\s\S]*?^```/gm, "");

test.each(DOCUMENTS)("%s links to pages and headings that exist", (document) => {
  const links = [...read(document).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, target = ""]) => target);
  expect(links.filter((target) => !isThere(document, target))).toEqual([]);
});

test.each(DOCUMENTS)("%s names files that exist", (document) => {
  const named = [
    ...withoutBlocks(read(document)).matchAll(/`((?:src|test|bench|scripts|native|smf|docs)\/[\w./-]+)`/g),
  ];
  const missing = named.map(([, file = ""]) => file).filter((file) => !existsSync(`${ROOT}/${file}`));
  expect(missing).toEqual([]);
});

test.each(DOCUMENTS.filter((one) => /^docs\/(?!lab|nic-filters|restart-gap)/.test(one)))(
  "%s has lines that fit a screen, tables and commands aside",
  (document) => {
    const prose = withoutBlocks(read(document)).split("\n");
    expect(prose.filter((line) => line.length > 130 && !line.startsWith("|"))).toEqual([]);
  },
);
