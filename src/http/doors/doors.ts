/**
 * Who comes in: what is asked of a request before anything else is looked at. The rules in force can be
 * replaced while connections are open; each request is held against those of its moment.
 */
import type { IncomingMessage, RequestListener, Server } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import { HttpError } from "../errors.ts";
import { endAfterAnswer, lastExchange, requestsThatGoOn } from "../exchanges.ts";
import { type AskedBy, type AskPeer, Caller } from "./caller.ts";
import type { AllowedNames } from "./certificate-names.ts";
import type { HostRule } from "./hosts.ts";
import { DEFAULT_LIMITS, type Limits, MOST_HEADERS } from "./limits.ts";
import { listener, serveAs } from "./listener.ts";
import type { RateLimit } from "./rate.ts";
import type { TlsIdentity } from "./tls-identity.ts";
import type { Tokens } from "./tokens.ts";

/** What is left out is not asked. */
export interface Rules {
  readonly hosts?: HostRule | undefined;
  readonly names?: AllowedNames | undefined;
  readonly tokens?: Tokens | undefined;
  readonly rate?: RateLimit | undefined;
}

export interface DoorsOptions {
  readonly limits?: Limits;
  readonly rules?: Rules;
  /** Left out: plain HTTP. */
  readonly identity?: TlsIdentity | undefined;
  readonly askPeer?: AskPeer | undefined;
}

/** Whether somebody lives here may be asked without a token, and as often as one likes. */
const OPEN = "/healthz";

export class Doors {
  #limits: Limits;
  #rules: Rules;
  #identity: TlsIdentity | undefined;
  readonly #askPeer: AskPeer | undefined;
  readonly #callers = new WeakMap<Socket, Caller>();
  /** By which token a request came. */
  readonly #tokens = new WeakMap<IncomingMessage, string>();
  /** Connections whose certificate an authority signed that is not asked any more. */
  readonly #outdated = new WeakSet<Socket>();
  /** Those that are open; with TLS, those whose handshake is done. */
  readonly #connections = new Set<Socket>();
  /** Connections whose handshake is under way, by the client's address and port. */
  readonly #handshakes = new Map<string, Socket>();
  #server: Server | undefined;

  constructor({ limits = DEFAULT_LIMITS, rules = {}, identity, askPeer }: DoorsOptions = {}) {
    this.#limits = limits;
    this.#rules = rules;
    this.#identity = identity;
    this.#askPeer = askPeer;
  }

  listener(handle: RequestListener, log: Log, metrics: Metrics): Server {
    const server = listener(handle, this.#limits, this.#identity, log, metrics);
    if (this.#identity === undefined) server.on("connection", (socket: Socket) => this.#opened(socket));
    else {
      server.on("connection", (socket: Socket) => this.#handshakeBegun(socket));
      server.on("secureConnection", (socket: TLSSocket) => {
        this.#handshakes.delete(otherEnd(socket));
        this.#opened(socket);
      });
    }
    this.#server = server;
    return server;
  }

  #opened(socket: Socket): void {
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
  }

  #handshakeBegun(socket: Socket): void {
    const key = otherEnd(socket);
    this.#handshakes.set(key, socket);
    socket.once("close", () => {
      if (this.#handshakes.get(key) === socket) this.#handshakes.delete(key);
    });
  }

  /** Throws what a request is refused with. `route`: the path as it was declared. */
  admit(request: IncomingMessage, route: string | undefined): void {
    const { tokens, rate } = this.#rules;
    this.#checkWhence(request);
    if (route === OPEN) return;
    if (tokens !== undefined) this.#checkToken(request, tokens, rate);
    if (rate !== undefined) this.#count(request, rate);
  }

  /** What is asked of every request. */
  #checkWhence(request: IncomingMessage): void {
    const { hosts, names } = this.#rules;
    hosts?.check(request);
    if (request.rawHeaders.length > 2 * MOST_HEADERS) {
      throw new HttpError(431, `more than ${MOST_HEADERS} headers; a request has no use for so many`);
    }
    if (this.#identity?.ca !== undefined) this.#checkCertificate(request, names);
  }

  callerOf(socket: Socket): Caller {
    const known = this.#callers.get(socket);
    if (known !== undefined) return known;
    const caller = new Caller(socket, this.#askPeer);
    this.#callers.set(socket, caller);
    return caller;
  }

  /** For the log. */
  askedBy(request: IncomingMessage): AskedBy {
    const { seen } = this.callerOf(request.socket);
    const token = this.#tokens.get(request);
    return token === undefined ? seen : { ...seen, token };
  }

  /** A server that closes waits for what is still to come of a request, but not as long as its client likes. */
  closing(): void {
    setTimeout(() => {
      for (const socket of this.#connections) {
        if (lastExchange(socket)?.request.complete !== true) socket.destroy();
      }
    }, this.#limits.closingMs).unref();
  }

  /** Puts other rules, limits and certificates in force. Whether there is TLS, and whether it asks for certificates, stays. */
  follow(rules: Rules, connections: number, identity: TlsIdentity | undefined): void {
    const formerCa = this.#identity?.ca?.text;
    this.#rules = rules;
    this.#limits = { ...this.#limits, connections };
    this.#identity = identity;
    if (this.#server === undefined) return;
    this.#server.maxConnections = connections;
    if (identity !== undefined) {
      serveAs(this.#server, identity);
      if (identity.ca?.text !== formerCa) this.#closeOutdated(this.#server);
    }
    this.#breakOffRefused();
  }

  /** What is under way on them is answered; after that, and where nothing is, they end. */
  #closeOutdated(server: Server): void {
    server.closeIdleConnections();
    // Their certificates would still be held against the former authorities.
    for (const socket of this.#handshakes.values()) socket.destroy();
    for (const socket of this.#connections) {
      if (socket.destroyed) continue;
      this.#outdated.add(socket);
      endAfterAnswer(socket);
    }
  }

  /** Answers without end, to whom the rules would not let in any more. */
  #breakOffRefused(): void {
    for (const socket of this.#connections) {
      if (requestsThatGoOn(socket).some((request) => !this.#wouldAdmit(request))) socket.destroy();
    }
  }

  #wouldAdmit(request: IncomingMessage): boolean {
    try {
      this.#checkWhence(request);
      this.#rules.tokens?.check(request.headers.authorization);
      return true;
    } catch {
      return false;
    }
  }

  #checkCertificate({ socket }: IncomingMessage, names: AllowedNames | undefined): void {
    if (this.#outdated.has(socket))
      throw endingWith403("tls.ca has changed since this connection was made: connect again");
    const { certificate } = this.callerOf(socket);
    // A handshake looks, but one that resumes a session does not, and connections last longer than certificates.
    if (certificate !== undefined && certificate.validTo < Date.now()) {
      throw endingWith403(`the client certificate of ${JSON.stringify(certificate.name)} has expired`);
    }
    if (names === undefined) return;
    if (certificate === undefined || !names.has(certificate)) {
      const who = certificate === undefined ? "without a name" : `of ${JSON.stringify(certificate.name)}`;
      throw new HttpError(403, `the client certificate ${who} is none of those that tls.allowed_names names`);
    }
  }

  #checkToken(request: IncomingMessage, tokens: Tokens, rate: RateLimit | undefined): void {
    try {
      this.#tokens.set(request, tokens.check(request.headers.authorization));
    } catch (error) {
      // Who has no token is counted by where it comes from.
      if (rate !== undefined) this.#count(request, rate);
      throw error;
    }
  }

  #count(request: IncomingMessage, rate: RateLimit): void {
    const key = this.callerOf(request.socket).key(this.#tokens.get(request));
    if (rate.take(key)) return;
    const message = `more than ${rate.perSecond} requests a second, which is the limit (limits.rate); try again in a second`;
    throw new HttpError(429, message, { "retry-after": "1" });
  }
}

const otherEnd = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;

const endingWith403 = (message: string) => new HttpError(403, message, { connection: "close" });
