/** A hangup: which settings are taken up, and what is said of them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Config, KEY_OF, parseConfig } from "../../src/config.ts";
import { NO_LOG } from "../../src/log.ts";
import { type Follower, Reload } from "../../src/reload.ts";

interface Said {
  readonly changed?: readonly { setting: string; from: unknown; to: unknown }[];
  readonly renewed?: readonly string[];
  readonly waiting?: readonly { setting: string }[];
  readonly error?: string;
  readonly message: string;
}

/** A daemon whose audits and level can be changed as it runs. */
function running(first: Config, extra: readonly Follower[] = []) {
  const said: Said[] = [];
  const taken: Config[] = [];
  const log = {
    ...NO_LOG,
    info: (fields: object, message: string) => said.push({ ...fields, message }),
    error: (fields: object, message: string) => said.push({ ...fields, message }),
  };
  const follower: Follower = {
    fields: ["auditInterval", "logLevel"],
    prepare: async (config) => () => {
      taken.push(config);
      return [];
    },
  };
  let next: () => Config = () => first;
  const reload = new Reload(first, async () => next(), [follower, ...extra], log);
  const hangup = async (read: () => Config): Promise<Said> => {
    next = read;
    await reload.run();
    return said.at(-1) as Said;
  };
  return { hangup, taken };
}

const FOLLOWED = ["audit.interval", "log.level"];
const settings = fc.record({
  "audit.interval": fc.constantFrom(5, 30, 60),
  "log.level": fc.constantFrom("info", "debug"),
  "audit.mode": fc.constantFrom("repair", "observe"),
  "limits.connections": fc.constantFrom(100, 4096),
  "underlay.nics": fc.constantFrom([], ["net0"], ["net0", "net1"]),
});

test("what is said to have changed is what differs from what the daemon ran with, and the rest waits for a restart", async () => {
  const sequences = fc.asyncProperty(
    settings,
    fc.array(settings, { minLength: 1, maxLength: 6 }),
    async (first, then) => {
      const { hangup, taken } = running(parseConfig(first));
      let now = parseConfig(first);
      const atStart = now;
      for (const given of then) {
        const wanted = parseConfig(given);
        const { changed = [], waiting = [], message } = await hangup(() => wanted);
        const differing = (from: Config, isFollowed: boolean) =>
          (Object.keys(KEY_OF) as (keyof Config)[])
            .filter((field) => FOLLOWED.includes(KEY_OF[field]) === isFollowed)
            .filter((field) => JSON.stringify(from[field]) !== JSON.stringify(wanted[field]))
            .map((field) => KEY_OF[field]);
        expect(changed.map(({ setting }) => setting).sort()).toEqual(differing(now, true).sort());
        expect(waiting.map(({ setting }) => setting).sort()).toEqual(differing(atStart, false).sort());
        for (const { setting } of [...changed, ...waiting]) expect(message).toContain(setting);
        expect(taken.at(-1)).toBe(wanted);
        now = wanted;
      }
    },
  );
  await fc.assert(sequences);
});

test("settings that cannot be read change nothing, and the next hangup is compared with what ran before them", async () => {
  const { hangup, taken } = running(parseConfig({}));
  const refused = await hangup(() => parseConfig({ "audit.interval": "soon" }));
  expect(refused.error).toContain("audit.interval");
  expect(taken).toEqual([]);
  const after = await hangup(() => parseConfig({ "audit.interval": 5 }));
  expect(after.changed).toEqual([{ setting: "audit.interval", from: 30, to: 5 }]);
});

test("where one part cannot use the new settings no other takes them up", async () => {
  const picky: Follower = {
    fields: ["tlsCert"],
    prepare: async ({ tlsCert }) => {
      if (tlsCert !== undefined) throw new Error("tls.cert: not a certificate");
      return () => [];
    },
  };
  const { hangup, taken } = running(parseConfig({}), [picky]);
  const refused = await hangup(() => parseConfig({ "audit.interval": 5, "tls.cert": "/c", "tls.key": "/k" }));
  expect(refused.error).toBe("tls.cert: not a certificate");
  expect(taken).toEqual([]);
});

test("a file whose content changed is said, though no setting did", async () => {
  const files: Follower = { fields: ["tlsCert"], prepare: async () => () => ["tls.cert renewed"] };
  const { hangup } = running(parseConfig({}), [files]);
  expect(await hangup(() => parseConfig({}))).toMatchObject({
    changed: [],
    renewed: ["tls.cert renewed"],
    message: "settings read again: tls.cert renewed",
  });
});
