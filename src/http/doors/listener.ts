/** The server that connections come to: plain or with TLS, with the limits that hold for all of them. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer, Server as SecureServer } from "node:https";
import type { TLSSocket } from "node:tls";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import type { Limits } from "./limits.ts";
import type { TlsIdentity } from "./tls-identity.ts";

/** A crowd at the door is said once in so long. */
const SAID_EVERY_MS = 60_000;

const secureContext = ({ cert, privateKey, ca }: TlsIdentity) => ({
  cert: cert.text,
  key: privateKey.text,
  ...(ca && { ca: ca.text }),
  minVersion: "TLSv1.2" as const,
});

export function listener(
  handle: RequestListener,
  limits: Limits,
  identity: TlsIdentity | undefined,
  log: Log,
  metrics: Metrics,
): Server {
  const options = {
    // HTTP/1.0 has none, and who wants one checks it.
    requireHostHeader: false,
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.lookEveryMs,
    keepAliveTimeout: limits.idleMs,
  };
  const server = identity === undefined ? createServer(options, handle) : secured(identity, limits, options, handle);
  server.setTimeout(limits.silentMs);
  server.maxConnections = limits.connections;
  tellDropped(server, log, metrics);
  if (server instanceof SecureServer) tellFailedHandshakes(server, log, metrics);
  return server;
}

function secured(identity: TlsIdentity, limits: Limits, options: object, handle: RequestListener): SecureServer {
  const clients = identity.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  const secure = { ...secureContext(identity), ...clients, handshakeTimeout: limits.handshakeMs };
  return createSecureServer({ ...options, ...secure }, handle);
}

/** For connections to come. */
export function serveAs(server: Server, identity: TlsIdentity): void {
  if (server instanceof SecureServer) server.setSecureContext(secureContext(identity));
}

/** Node closes what is beyond the limit before anything is read from it. */
function tellDropped(server: Server, log: Log, metrics: Metrics): void {
  let saidAt = Number.NEGATIVE_INFINITY;
  let since = 0;
  server.on("drop", (data) => {
    metrics.connectionRefused();
    since++;
    const now = performance.now();
    if (now - saidAt < SAID_EVERY_MS) return;
    const fields = { connections: server.maxConnections, refused: since, remote_addr: data?.remoteAddress };
    log.warn(fields, "connections are refused: as many as limits.connections allows are open");
    saidAt = now;
    since = 0;
  });
}

function tellFailedHandshakes(server: Server, log: Log, metrics: Metrics): void {
  // Node would make a broken request of it, and there was none.
  server.removeAllListeners("tlsClientError");
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    metrics.handshakeFailed();
    // A client that went away, or looked whether somebody is there, is nobody's concern.
    const tell = error.code === "ECONNRESET" ? log.debug : log.info;
    tell.call(log, { remote_addr: socket.remoteAddress, error: error.message }, "TLS handshake failed");
    socket.destroy();
  });
}
