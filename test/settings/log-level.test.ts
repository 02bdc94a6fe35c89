/** The log's level, while the daemon runs. */
import pino from "pino";
import { expect, test } from "vitest";
import { unsilenced } from "../../src/logger.ts";

const LEVELS = ["trace", "info", "warn", "fatal"] as const;

test.each(LEVELS.flatMap((from) => LEVELS.map((to) => [from, to] as const)))(
  "the audit is written whatever the level is or becomes: from %s to %s",
  (from, to) => {
    const written: string[] = [];
    const log = pino({ level: from }, { write: (record: string) => void written.push(record) });
    const audit = unsilenced(log);
    audit.info({}, "before");
    log.level = to;
    audit.info({}, "after");
    expect(written.map((record) => JSON.parse(record).msg)).toEqual(["before", "after"]);
  },
);
