/** docs/metrics.md and what is scraped are the same. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Metrics } from "../../src/metrics.ts";
import { kstatsOfPort, MemoryKstats, xdeKstat } from "../harness/kstats.ts";
import { Sled } from "../harness/sled.ts";
import { read } from "./documents.ts";

interface Family {
  readonly type: string;
  readonly labels: readonly string[];
}

const PAGE = read("docs/metrics.md");

const documented = new Map<string, Family>(
  [...PAGE.matchAll(/^\| `(sledcast_\w+)` \| (\w+) \|(.*?)\| .+ \|$/gm)].map(
    ([, name = "", type = "", labels = ""]) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label).sort() },
    ],
  ),
);

/** Families by name; the labels only where there are samples. */
function familiesIn(text: string): Map<string, Family> {
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Map(
    types.map(([, name = "", type = ""]) => {
      const samples = text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} `, "gm"));
      const labels = [...samples].flatMap(([, set = ""]) =>
        [...set.matchAll(/(\w+)="/g)].map(([, label = ""]) => label),
      );
      return [name, { type, labels: [...new Set(labels)].filter((label) => label !== "le").sort() }];
    }),
  );
}

let sled: Sled;
let scraped: Map<string, Family>;
beforeAll(async () => {
  const kernel = new MemoryKstats(xdeKstat(), ...kstatsOfPort("opte0"));
  sled = await Sled.start({ model: { ports: [{ name: "opte0" }] }, openKstats: kernel.open });
  await sled.get("/healthz");
  const process = new Metrics();
  process.watchProcess();
  await process.scrape();
  const texts = [(await sled.get("/metrics")).text, (await process.scrape()).text];
  scraped = familiesIn(texts.join("\n"));
});
afterAll(() => sled.close());

test("every metric that is scraped is documented, with its type", () => {
  const types = Object.fromEntries([...scraped].map(([name]) => [name, documented.get(name)?.type]));
  expect(types).toEqual(Object.fromEntries([...scraped].map(([name, { type }]) => [name, type])));
});

test("every metric that is documented is scraped", () => {
  const missing = [...documented.keys()].filter((name) => !scraped.has(name));
  expect(process.platform === "linux" ? missing : missing.filter((name) => !name.includes("_process_"))).toEqual([]);
});

test("labels are documented as they are", () => {
  const labelled = [...scraped].filter(([, { labels }]) => labels.length > 0);
  const said = labelled.map(([name]) => [name, documented.get(name)?.labels]);
  expect(said).toEqual(labelled.map(([name, { labels }]) => [name, labels]));
});

test("what to alert on names metrics that exist", () => {
  const named = [...PAGE.matchAll(/\b(sledcast_\w+)/g)].map(([, name = ""]) => name);
  const known = (name: string) => documented.has(name) || documented.has(name.replace(/_(?:count|sum|bucket)$/, ""));
  expect(named.filter((name) => !known(name))).toEqual([]);
});
