/** The API guide is whole: an endpoint that is served has a command there. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { RecordingNetwork } from "../harness/network.ts";
import { Sled } from "../harness/sled.ts";
import { fencesOf } from "./documents.ts";
import { commandsIn } from "./shell.ts";

let sled: Sled;
beforeAll(async () => {
  sled = await Sled.start({ network: new RecordingNetwork() });
});
afterAll(() => sled.close());

/** `METHOD PATH` of each curl. */
function requestsIn(document: string): string[] {
  const commands = fencesOf(document)
    .filter(({ language }) => language === "sh")
    .flatMap(({ text }) => commandsIn(text))
    .filter(([program]) => program === "curl");
  return commands.map((words) => {
    const method = words.includes("-X") ? words[words.indexOf("-X") + 1] : "GET";
    const url = words.find((word) => word.startsWith("$A/")) ?? "";
    return `${method} ${url.slice("$A".length).split("?", 1)[0]}`;
  });
}

test("docs/api.md has a command for every endpoint that is served, and for none that is not", async () => {
  const { paths } = (await sled.get("/openapi.json")).body as { paths: Record<string, Record<string, object>> };
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const patterns = served.map((one) => new RegExp(`^${one.replaceAll(/\{\w+\}/g, "[^/]+")}$`));
  const shown = requestsIn("docs/api.md");
  expect(served.filter((_, i) => !shown.some((one) => patterns[i]?.test(one)))).toEqual([]);
  expect(shown.filter((one) => !patterns.some((pattern) => pattern.test(one)))).toEqual([]);
});
