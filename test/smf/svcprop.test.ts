/** What svcprop prints, as the daemon reads it: held against a writer made from illumos' svcprop.c. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { KEYS, type Key, LISTS } from "../../src/config.ts";
import { BadSetting } from "../../src/settings.ts";
import { namingProperties, parseSvcprop, propertyOf, readSmf, settingsOf } from "../../src/smf.ts";
import { type Property, svcpropText } from "./manifest.ts";

/** A property's value has any byte but NUL; those that mean something to a shell or to svcprop more often than others. */
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."ab;&()|^<>\n \t\\\"'`$*#=:/[]"), maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !text.includes("\0")),
);
const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}$/);
const property: fc.Arbitrary<Property> = fc.record({
  type: fc.constantFrom("astring", "ustring", "uri"),
  values: fc.array(value, { maxLength: 4 }),
});
const group = fc.array(fc.tuple(name, property), { maxLength: 6 }).map((pairs) => new Map(pairs));

const settings = (text: string) => settingsOf(parseSvcprop(text));

describe("what svcprop prints of a group", () => {
  test("is read to the same names, types and values, whatever characters are in them", () => {
    fc.assert(
      fc.property(group, (properties) => {
        expect(parseSvcprop(svcpropText(properties))).toEqual(
          [...properties].map(([key, each]) => ({ name: key, ...each })),
        );
      }),
    );
  });

  test("is refused where it ends early, and is never read as something else", () => {
    fc.assert(
      fc.property(group, fc.nat(), (properties, at) => {
        const text = svcpropText(properties);
        const cut = text.slice(0, at % (text.length + 1));
        let read: unknown;
        try {
          read = parseSvcprop(cut);
        } catch (error) {
          expect(error).toHaveProperty("message", expect.stringContaining("svcprop's answer cannot be read"));
          return;
        }
        const whole = parseSvcprop(text);
        expect(whole.slice(0, (read as unknown[]).length)).toEqual(read);
      }),
    );
  });

  test("may be anything at all without a crash", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'config/ as\n\\"') }), (text) => {
        try {
          settings(text);
        } catch (error) {
          expect(error).toHaveProperty("message", expect.stringMatching(/cannot be read|no such setting|may have one/));
        }
      }),
    );
  });
});

describe("properties", () => {
  test("stand for each setting under its key with an underscore for a dot", () => {
    const one = (key: Key): readonly [string, Property] => [propertyOf(key), { type: "astring", values: ["x"] }];
    const expected = Object.fromEntries(KEYS.map((key) => [key, LISTS.has(key) ? ["x"] : "x"]));
    expect(settings(svcpropText(new Map(KEYS.map(one))))).toEqual(expected);
  });

  test("are booleans, numbers, texts and lists", () => {
    const text =
      "config/insecure_wildcard boolean true\nconfig/limits_rate count 7\nconfig/underlay_nics astring net0 net1\n" +
      "config/state_dir astring /var/a\\ b\nconfig/xde_set_underlay boolean false\n";
    expect(settings(text)).toEqual({
      insecure_wildcard: true,
      "limits.rate": 7,
      "underlay.nics": ["net0", "net1"],
      state_dir: "/var/a b",
      "xde.set_underlay": false,
    });
  });

  test("that are empty, or a list of nothing, are not set", () => {
    expect(settings('config/tls_cert astring ""\nconfig/tls_key astring \nconfig/underlay_nics astring ""\n')).toEqual(
      {},
    );
  });

  test("keep a number that is too large for one to the digit", () => {
    expect(settings("config/limits_rate count 18446744073709551615\n")).toEqual({
      "limits.rate": "18446744073709551615",
    });
  });

  test("that belong to SMF or to the start method are left to them", () => {
    const text =
      "config/value_authorization astring solaris.smf.value.sledcast\nconfig/node astring /opt/ooce/bin/node\n";
    expect(settings(text)).toEqual({});
  });

  test("that are no setting are refused by name, with those that there are", () => {
    expect(() => settings("config/log.level astring debug\n")).toThrow(
      /^config\/log\.level: no such setting; there are listen, .*log_level/,
    );
  });

  test("with two values where one is meant are refused by name", () => {
    expect(() => settings("config/listen astring a b\n")).toThrow("config/listen: has 2 values, and may have one");
  });

  test("are named where their value is wrong, unless a flag gave it", () => {
    const wrongly = (key: string) => () => {
      throw new BadSetting(key, "is wrong");
    };
    expect(() => namingProperties({}, wrongly("log.level"))).toThrow(/^config\/log_level: is wrong$/);
    expect(() => namingProperties({}, wrongly("underlay.nics[1]"))).toThrow(/^config\/underlay_nics\[1\]: is wrong$/);
    expect(() => namingProperties({ "log.level": "x" }, wrongly("log.level"))).toThrow(/^log\.level: is wrong$/);
  });
});

const FMRI = "svc:/oxide/sledcast:default";

/** Puts a svcprop into PATH that does this. */
function svcprop(lines: string): string {
  const dir = mkdtempSync(path.join(tmpdir(), "svcprop-"));
  writeFileSync(path.join(dir, "svcprop"), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${dir}:${process.env.PATH}`);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(dir, { recursive: true });
  });
  return dir;
}

describe("the settings of an instance", () => {
  test("are what svcprop says of its group config", async () => {
    svcprop(`[ "$*" = "-p config ${FMRI}" ] && echo 'config/listen astring unix:/a'`);
    expect(await readSmf(FMRI)).toEqual({ listen: "unix:/a" });
  });

  test("are asked for again where a refresh's signal ended svcprop, which is of the same contract", async () => {
    const dir = svcprop(`cd "$(dirname "$0")" && mkdir asked 2>&- && kill -HUP $$; echo 'config/limits_rate count 7'`);
    expect(await readSmf(FMRI)).toEqual({ "limits.rate": 7 });
    expect(readdirSync(dir)).toContain("asked");
  });

  test("that are not there are a mistake, and svcprop's own words are said", async () => {
    svcprop("echo 'no such thing' >&2; exit 1");
    await expect(readSmf(FMRI)).rejects.toMatchObject({
      kind: "bad-request",
      message: `--smf ${FMRI}: svcprop ended with 1: no such thing`,
    });
  });

  test("in another encoding than UTF-8 are refused, not guessed at", async () => {
    svcprop("printf 'config/state_dir astring /\\344\\n'");
    await expect(readSmf(FMRI)).rejects.toMatchObject({
      kind: "bad-request",
      message: expect.stringContaining("is not UTF-8"),
    });
  });

  test("that are beyond all measure are not read: a start may do better the next time", async () => {
    svcprop("exec yes config/listen");
    await expect(readSmf(FMRI)).rejects.toThrow(`--smf ${FMRI}: svcprop failed: ERR_CHILD_PROCESS_STDIO_MAXBUFFER`);
  });
});

test.each(["-p", "*", "sledcast", "svc:/oxide/*:default", "svc:/oxide/sledcast", "svc:/a:b c"])(
  "%j is no instance that svcprop is asked for",
  async (fmri) => {
    await expect(readSmf(fmri)).rejects.toMatchObject({ kind: "bad-request" });
  },
);
