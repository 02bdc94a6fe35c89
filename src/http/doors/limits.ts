/**
 * What one client, or all together, may take: connections, bytes, and time. Node cuts a request that
 * comes too slowly; what is set here is when, and how often it looks.
 */
import type { Config } from "../../config.ts";

export interface Limits {
  /** At once; what comes beyond is closed. */
  readonly connections: number;
  /** Of a request's line and headers together. */
  readonly headerBytes: number;
  /** From the connection's or the last request's end to the end of the headers. */
  readonly headersMs: number;
  /** To the end of the body. */
  readonly requestMs: number;
  /** How often requests are looked through for those that take too long. */
  readonly lookEveryMs: number;
  /** A connection that is between two requests. */
  readonly idleMs: number;
  /** A connection on which nothing moves although an answer is due, or waits to be read. */
  readonly silentMs: number;
  readonly handshakeMs: number;
  /** What is left to come of a request when the server is told to close. */
  readonly closingMs: number;
}

/** Headers take a client milliseconds; who needs longer holds a connection for nothing. */
const HEADERS_MS = 10_000;
/** Longer than proxies and clients keep an idle connection, so that they end it and no request is lost on its way. */
const IDLE_MS = 72_000;
/** Longer than the minute that an operation may wait for the driver, and than events are silent between two heartbeats. */
const SILENT_MS = 90_000;
const LOOK_EVERY_MS = 1000;
const HANDSHAKE_MS = 10_000;
const CLOSING_MS = 5000;
/** A client sends a dozen. Node leaves out what is beyond its own limit of 2000, so ours is below it. */
export const MOST_HEADERS = 256;

export type LimitSettings = Pick<Config, "maxConnections" | "maxHeaderBytes" | "requestSeconds">;

export function limitsOf({ maxConnections, maxHeaderBytes, requestSeconds }: LimitSettings): Limits {
  const requestMs = requestSeconds * 1000;
  return {
    connections: maxConnections,
    headerBytes: maxHeaderBytes,
    headersMs: Math.min(HEADERS_MS, requestMs),
    requestMs,
    lookEveryMs: LOOK_EVERY_MS,
    idleMs: IDLE_MS,
    silentMs: SILENT_MS,
    handshakeMs: HANDSHAKE_MS,
    closingMs: CLOSING_MS,
  };
}

/** The daemon's, where its settings say nothing. */
export const DEFAULT_LIMITS: Limits = limitsOf({ maxConnections: 4096, maxHeaderBytes: 16_384, requestSeconds: 60 });
