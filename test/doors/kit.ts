/** A sled behind doors, and clients that come to them. */
import type { IncomingHttpHeaders } from "node:http";
import { request as plain } from "node:http";
import { request as secure } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { Doors, type DoorsOptions } from "../../src/http/doors/doors.ts";
import { HostRule } from "../../src/http/doors/hosts.ts";
import { DEFAULT_LIMITS, type Limits } from "../../src/http/doors/limits.ts";
import { Tokens } from "../../src/http/doors/tokens.ts";
import { type Answer, type LogRecord, Sled, type SledOptions } from "../harness/sled.ts";

export const M2P = "/networking/mcast-m2p";
export const MAPPING = { group: "239.2.2.2", underlay: "ff04::2" };

export interface Served {
  readonly sled: Sled;
  readonly doors: Doors;
  readonly port: number;
}

type Where = { readonly host: string; readonly port: number } | { readonly path: string };

const LOOPBACK: Where = { host: "127.0.0.1", port: 0 };

async function serve(options: DoorsOptions, more: SledOptions, where: Where): Promise<Served> {
  const doors = new Doors(options);
  const sled = await Sled.start({ ...more, doors });
  await sled.app.listen({ ...where });
  const address = sled.app.server.address() as AddressInfo | string;
  return { sled, doors, port: typeof address === "string" ? 0 : address.port };
}

/** Serves on 127.0.0.1, or where it is told, until the test ends. */
export async function served(options: DoorsOptions = {}, more: SledOptions = {}, where = LOOPBACK): Promise<Served> {
  const made = await serve(options, more, where);
  onTestFinished(() => made.sled.close());
  return made;
}

/** Serves until the suite ends, for tests that leave nothing behind which another would see. */
export function servedForAll(options: () => DoorsOptions): () => Served {
  let made: Served | undefined;
  beforeAll(async () => {
    made = await serve(options(), {}, LOOPBACK);
  });
  afterAll(() => made?.sled.close());
  return () => {
    if (made === undefined) throw new Error("it is served in tests only");
    return made;
  };
}

export const limits = (change: Partial<Limits>): Limits => ({ ...DEFAULT_LIMITS, ...change });

export function loopbackHosts(...allowed: string[]): HostRule {
  const rule = HostRule.for({ type: "tcp", host: "127.0.0.1", port: 0 }, allowed);
  if (rule === undefined) throw new Error("a loopback address has a rule");
  return rule;
}

export const tokens = (content: string): Tokens => Tokens.parse("auth.token_file", "tokens", content);

export interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Speak TLS, with these. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
  readonly socketPath?: string;
}

/** One request on a connection of its own. */
export function call(port: number, { method = "GET", path = M2P, headers, body, tls, socketPath }: Call = {}) {
  const where = socketPath === undefined ? { host: "127.0.0.1", port } : { socketPath };
  const options = { ...where, ...tls, method, path, headers: { ...headers }, agent: false as const };
  return new Promise<Answer>((resolve, reject) => {
    const made = (tls === undefined ? plain : secure)(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status = 0, headers: got } = response;
        resolve({ status, headers: got as IncomingHttpHeaders, text, body: parsed(text, got) });
      });
    });
    made.on("error", reject);
    made.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const parsed = (text: string, headers: IncomingHttpHeaders): never =>
  (text !== "" && headers["content-type"] === "application/json" ? JSON.parse(text) : undefined) as never;

/** A change, asked for. */
export const put = (port: number, more: Call = {}) => call(port, { method: "PUT", body: MAPPING, ...more });

/** The records of who asked for what. */
export const audited = ({ sled }: Served): LogRecord[] =>
  sled.log.records.filter(({ fields }) => fields.audit === true);
