/** The log: bunyan records that Oxide's `looker` reads, or lines for a person at a terminal. */
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

/** More than this is written before the turn ends; just below what sonic-boom writes at once. Bytes. */
const TURN_BYTES = 16_383;

/**
 * Standard output, written once a turn of the event loop and at the end of the process. A record
 * waits for the requests that are answered in the same turn, no longer, and under load one system
 * call carries many.
 */
function standardOutput(): { write(record: string): void } {
  const sink = pino.destination({ fd: 1, sync: true, minLength: TURN_BYTES });
  // A reader that went away must not end the daemon.
  sink.on("error", () => {});
  let due = false;
  const flush = () => {
    due = false;
    sink.flushSync();
  };
  process.on("exit", () => sink.flushSync());
  return {
    write(record) {
      sink.write(record);
      if (due) return;
      due = true;
      setImmediate(flush);
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
