/** The service's manifest: what illumos asks of it, and that it says what the program does. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { KEYS, type Key, LISTS, parseConfig } from "../../src/config.ts";
import { messageOf } from "../../src/error.ts";
import { propertyOf, settingsOf } from "../../src/smf.ts";
import { CONFIG, MANIFEST, propertiesOf, ROOT, TEXT } from "./manifest.ts";
import { find, serviceBundleDtd } from "./tools.ts";
import { all, type Element, one } from "./xml.ts";

const run = promisify(execFile);
const AUTHORIZATIONS = fileURLToPath(new URL("../../smf/sledcast.auth_attr", import.meta.url));
/** Of the group, but not of the daemon. */
const OTHERS = ["node", "value_authorization"];
const KEY_OF_PROPERTY = new Map<string, Key>(KEYS.map((key) => [propertyOf(key), key]));

const patterns = all(ROOT, "prop_pattern");
const nameOf = ({ attributes: { name = "" } }: Element) => name;
const method = (name: string) => one(ROOT, "exec_method", { name }).attributes;

/** Whatever the platform, the model is a driver that needs nothing else. */
const check = (settings: Readonly<Record<string, unknown>>) => parseConfig({ driver: "model", ...settings });

/** Why a value is refused; undefined where it is not. */
function refusal(key: Key, value: unknown): string | undefined {
  try {
    check({ [key]: value });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

describe("the manifest", () => {
  const xmllint = find("xmllint", "the manifest's form");
  test.skipIf(xmllint === undefined)("is what illumos' DTD allows", async () => {
    const dtd = serviceBundleDtd();
    const against = dtd === undefined ? [] : ["--dtdvalid", dtd];
    // The DTD that it names is only on illumos, which is a warning.
    await expect(run(xmllint ?? "", ["--noout", "--nonet", ...against, MANIFEST])).resolves.toMatchObject({
      stdout: "",
    });
  });

  test("is of svc:/oxide/sledcast:default, which waits to be enabled", () => {
    expect(one(ROOT, "service").attributes).toMatchObject({ name: "oxide/sledcast", type: "service" });
    expect(one(ROOT, "instance").attributes).toEqual({ name: "default", enabled: "false" });
  });

  test("has the settings at the instance, where setprop, delprop and describe look for them, and describes them there", () => {
    expect(all(one(ROOT, "instance"), "property_group").map(nameOf)).toEqual(["config"]);
    expect(one(ROOT, "pg_pattern", { name: "config" }).attributes).toMatchObject({
      type: "application",
      target: "instance",
    });
  });

  test("has a property for each setting, and none for anything else", () => {
    expect([...CONFIG.keys()].sort()).toEqual([...KEYS.map(propertyOf), ...OTHERS].sort());
  });

  test("describes each property, by its type, in words that are not another's", () => {
    const described = new Map(patterns.map((each) => [nameOf(each), each.attributes.type]));
    const declared = [...CONFIG].filter(([name]) => name !== "value_authorization");
    expect([...described].sort()).toEqual(declared.map(([name, { type }]) => [name, type]).sort());
    const words = patterns.flatMap((each) =>
      ["common_name", "description"].map((kind) => one(one(each, kind), "loctext").text),
    );
    expect(new Set(words).size).toBe(2 * patterns.length);
  });

  test("sets each setting to what the daemon does unasked on illumos", () => {
    const said = settingsOf([...CONFIG].map(([name, property]) => ({ name, ...property })));
    expect(said.driver).toBe("auto");
    expect(check({ ...said, driver: "model" })).toEqual(check({ state_dir: "/var/sledcast", "log.format": "bunyan" }));
  });

  test("lets the same properties have many values as the daemon does", () => {
    const lists = patterns.filter((each) => one(each, "cardinality").attributes.max === undefined).map(nameOf);
    expect(lists.sort()).toEqual([...LISTS].map(propertyOf).sort());
  });

  test("allows of a number what the daemon allows", () => {
    const ranges = patterns.flatMap((each) => all(each, "range").map(({ attributes }) => ({ each, attributes })));
    expect(ranges.map(({ each }) => nameOf(each)).sort()).toEqual(
      [...CONFIG].flatMap(([name, { type }]) => (type === "count" ? [name] : [])).sort(),
    );
    for (const { each, attributes } of ranges) {
      const key = KEY_OF_PROPERTY.get(nameOf(each)) as Key;
      const [min, max] = [Number(attributes.min), Number(attributes.max)];
      const verdicts = [min - 1, min, max, max + 1].map((value) => refusal(key, value) === undefined);
      expect({ key, verdicts }).toEqual({ key, verdicts: [false, true, true, false] });
    }
  });

  test("names the words that the daemon knows where it knows only some", () => {
    const words = patterns.map((each) => [nameOf(each), all(each, "value").map(nameOf)] as const);
    const known = KEYS.map((key) => {
      const said = /is not one of (.*)/.exec(refusal(key, "no such word") ?? "")?.[1];
      return [propertyOf(key), said?.split(", ") ?? []] as const;
    });
    expect(new Map(words.filter(([name]) => name !== "node"))).toEqual(new Map(known));
  });

  test("starts by the method script and signals node itself, never by ctrun and never with USR1", () => {
    expect(method("start").exec).toBe("/opt/oxide/sledcast/lib/method/sledcast start");
    expect(method("refresh").exec).toBe(":kill -HUP");
    expect(method("stop").exec).toBe(":kill");
    expect(all(ROOT, "exec_method")).toHaveLength(3);
  });

  test("gives a stop more time than a request can take", () => {
    expect(Number(method("stop").timeout_seconds)).toBeGreaterThan(60);
  });

  test("is a contract that a crash of a child does not restart", () => {
    expect(propertiesOf(one(ROOT, "property_group", { name: "startd" }))).toEqual(
      new Map([
        ["duration", { type: "astring", values: ["contract"] }],
        ["ignore_error", { type: "astring", values: ["core,signal"] }],
      ]),
    );
  });

  test("gives a reason for each privilege, and none goes beyond the limit set", () => {
    const { user, privileges = "", limit_privileges: limit = "" } = one(ROOT, "method_credential").attributes;
    expect(user).toBe("root");
    const [, reasons = ""] = /<!--((?:(?!-->)[\s\S])*)-->\s*<method_context/.exec(TEXT) ?? [];
    for (const privilege of privileges.split(",")) expect(reasons).toMatch(new RegExp(`^ +${privilege}  +\\w`, "m"));
    const given = privileges.split(",").filter((privilege) => !privilege.startsWith("!"));
    expect(limit.split(",")).toEqual(given);
  });

  test("asks for no authorization that is not delivered with it: usermod would give nobody another", () => {
    const asked = new Set([...TEXT.matchAll(/value='(solaris\.[\w.]+)'/g)].map(([, name]) => name));
    const delivered = readFileSync(AUTHORIZATIONS, "utf8").trimEnd().split("\n");
    expect(delivered.map((line) => line.split(":"))).toEqual(
      [...asked].sort().map((name) => [name, "", "", expect.stringMatching(/^\w/), "", ""]),
    );
  });

  test("depends on nothing without a reason, and is restarted with nothing", () => {
    const dependencies = all(ROOT, "dependency");
    expect(dependencies.map(({ attributes }) => attributes.restart_on)).toEqual(dependencies.map(() => "none"));
    expect(TEXT.match(/-->\s*<dependency /g)).toHaveLength(dependencies.length);
  });
});
