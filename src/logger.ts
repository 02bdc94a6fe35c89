/** The log: bunyan records that Oxide's `looker` reads, or lines for a person at a terminal. */
import { writeSync } from "node:fs";
import { hostname } from "node:os";
import pino, { type Logger } from "pino";
import type { Config } from "./config.ts";

/** looker wants each of `v`, `name`, `hostname`, `pid`, a numeric `level`, an ISO `time` and a `msg` in every record. */
const BASE = { v: 0, name: "sledcastd", hostname: hostname(), pid: process.pid };

/** The time of a record. A thousandth of a second has many records under load, and one text. */
const isoTime = (() => {
  let at = 0;
  let text = "";
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
})();

/** More than this is written before the turn ends. Bytes, about. */
const TURN_BYTES = 16_383;
const STDOUT = 1;
/** How long a reader that is behind is given before it is tried again. Milliseconds. */
const PAUSE = 10;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** All of it; throws what the system does. A reader that is behind is waited for: no record is lost for that. */
function writeWhole(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(STDOUT, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(sleeper, 0, 0, PAUSE);
    }
  }
}

/**
 * Standard output, written once a turn of the event loop and at the end of the process. A record
 * waits for the requests that are answered in the same turn, no longer, and under load one system
 * call carries many. Not sonic-boom's: its `flushSync` tries again for ever when the reader went
 * away or the disk is full, and the daemon would stand still.
 */
function standardOutput(): { write(record: string): void } {
  let records: string[] = [];
  let length = 0;
  let due = false;
  let isRead = true;
  const flush = () => {
    const text = records.join("");
    records = [];
    length = 0;
    due = false;
    try {
      writeWhole(Buffer.from(text));
    } catch (error) {
      // A reader that went away does not come back. What else there is (a full disk) can pass; these records are lost.
      isRead = (error as NodeJS.ErrnoException).code !== "EPIPE";
    }
  };
  process.on("exit", flush);
  return {
    write(record) {
      if (!isRead) return;
      records.push(record);
      length += record.length;
      if (length > TURN_BYTES) flush();
      else if (!due) {
        due = true;
        setImmediate(flush);
      }
    },
  };
}

export async function openLog({ logLevel, logFormat }: Pick<Config, "logLevel" | "logFormat">): Promise<Logger> {
  const options = { level: logLevel, base: BASE, timestamp: isoTime };
  if (logFormat === "bunyan") return pino(options, standardOutput());
  const { default: pretty } = await import("pino-pretty");
  const ignore = "pid,hostname,name,v";
  return pino(options, pretty({ colorize: process.stdout.isTTY, ignore, translateTime: "SYS:HH:MM:ss.l", sync: true }));
}

/** Goes where the log goes, and tells all that it is told, whatever the log's level is or becomes. */
export function unsilenced(log: Logger): Logger {
  const own = log.child({});
  // Not as an option of the child: one of its parent's level has no level of its own, and follows the parent to another.
  own.level = "info";
  return own;
}
