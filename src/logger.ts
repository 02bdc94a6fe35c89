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

export async function openLog({ logLevel, logFormat }: Pick<Config, "logLevel" | "logFormat">): Promise<Logger> {
  const options = { level: logLevel, base: BASE, timestamp: isoTime };
  // Written at once: a record that waits in a buffer is lost with the process it should explain.
  if (logFormat === "bunyan") return pino(options, pino.destination({ fd: 1, sync: true }));
  const { default: pretty } = await import("pino-pretty");
  const ignore = "pid,hostname,name,v";
  return pino(options, pretty({ colorize: process.stdout.isTTY, ignore, translateTime: "SYS:HH:MM:ss.l", sync: true }));
}
