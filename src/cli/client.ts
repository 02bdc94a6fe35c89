/** The agent's HTTP, as the administrator's tool calls it: over TCP, with TLS or without, or a Unix socket. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { badRequest, messageOf } from "../error.ts";
import { type Access, parseTarget, type Target, wayIn, whyNoTls } from "./target.ts";

/** The agent answered with an error, in its own words. */
export class AgentRefusal extends Error {
  override readonly name = "AgentRefusal";
  /** Undefined: it is not known to have heard of the request. */
  readonly status: number | undefined;
  /** Nobody listens there. */
  readonly isAbsent: boolean;

  constructor(message: string, status?: number, isAbsent = false) {
    super(message);
    this.status = status;
    this.isAbsent = isAbsent;
  }
}

/** What a way there failed at, where that is not that nobody listens. */
const ON_THE_WAY: Readonly<Record<string, string>> = {
  EACCES: "this user may not connect; root may, and who is in the group of the socket (socket.mode, socket.group)",
  ENOTFOUND: "there is no host of that name; give an address",
  EAI_AGAIN: "the name could not be looked up; give an address",
  ENETUNREACH: "there is no route to it",
  EHOSTUNREACH: "there is no route to it",
};

const SILENT = "SILENT";

export type Method = "GET" | "PUT" | "POST" | "DELETE";

/** Longer than the agent itself lets a request wait. */
const ANSWER_WITHIN_MS = 90_000;
/** Three of the agent's heartbeats. */
const SILENT_MS = 45_000;

export class AgentClient {
  readonly #target: Target;
  readonly #patienceMs: number;

  constructor(agent: string, access: Access = {}, patienceMs = ANSWER_WITHIN_MS) {
    this.#target = parseTarget(agent, access);
    this.#patienceMs = patienceMs;
  }

  #request(options: RequestOptions): ClientRequest {
    const { secure, options: where, headers } = this.#target;
    const all = { ...where, ...options, headers: { ...headers, ...options.headers }, agent: false };
    try {
      return secure ? httpsRequest(all) : httpRequest(all);
    } catch (error) {
      // A certificate or a key that is none is told before anything is sent.
      throw badRequest(whyNoTls(this.#target, error as NodeJS.ErrnoException) ?? messageOf(error));
    }
  }

  /** The answer's JSON; undefined for an answer without a body. Throws the agent's own message where it refuses. */
  async call(
    method: Method,
    path: string,
    body?: unknown,
    parse: (text: string) => unknown = JSON.parse,
  ): Promise<unknown> {
    const { status, text } = await this.#exchange(method, path, body);
    if (status >= 300) throw this.#refusal(status, text);
    try {
      return text === "" ? undefined : parse(text);
    } catch {
      throw new AgentRefusal(`${this.#target.name} answered something that is no JSON; is it a sledcastd?`);
    }
  }

  /** Whatever is answered, also where that is no success: `/readyz` says what it waits for with a 503. */
  async look(path: string): Promise<{ readonly status: number; readonly text: string }> {
    return this.#exchange("GET", path, undefined);
  }

  /** An answer without end, as text. Throws an AgentRefusal where it is refused, and later where it breaks off. */
  async stream(path: string, headers: Readonly<Record<string, string>>): Promise<AsyncIterable<string>> {
    const call = this.#request({ path, headers });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      call.on("response", resolve);
      call.on("error", (error: NodeJS.ErrnoException) => reject(this.#unreachable(error)));
      call.setTimeout(SILENT_MS, () => call.destroy(new Error(`nothing heard for ${SILENT_MS / 1000} s`)));
      call.end();
    });
    const chunks = this.#chunks(response.setEncoding("utf8"));
    const status = response.statusCode ?? 0;
    if (status === 200) return chunks;
    let text = "";
    for await (const chunk of chunks) text += chunk;
    throw this.#refusal(status, text);
  }

  #refusal(status: number, text: string): AgentRefusal {
    return new AgentRefusal(explain(status, text) + wayIn(status, this.#target), status);
  }

  async *#chunks(response: IncomingMessage): AsyncGenerator<string> {
    try {
      yield* response;
    } catch (error) {
      throw this.#unreachable(error as NodeJS.ErrnoException);
    }
  }

  #unreachable(error: NodeJS.ErrnoException): AgentRefusal {
    const { code, message } = error;
    const tls = whyNoTls(this.#target, error);
    if (tls !== undefined) return new AgentRefusal(tls);
    const { name } = this.#target;
    if (code === SILENT) return new AgentRefusal(`${name} ${message}; sledcast doctor says what it waits for`);
    const way = ON_THE_WAY[code ?? ""];
    if (way !== undefined) return new AgentRefusal(`no way to the agent at ${name} (${code}): ${way}`);
    return new AgentRefusal(
      `no agent answers at ${name} (${code ?? message}); is sledcastd running? --agent says where`,
      undefined,
      code === "ECONNREFUSED" || code === "ENOENT",
    );
  }

  /** It was there. A body over its limit is refused before it is read, and that answer can be lost with the connection. */
  #cutOff({ code }: NodeJS.ErrnoException): AgentRefusal {
    const { name, secure } = this.#target;
    const door = secure ? "it does not know the authority of --cert" : "it serves https:// there";
    return new AgentRefusal(
      `${name} ended the connection before it answered (${code}): the request is too large for it, ${door}, or it stopped; its log says which`,
    );
  }

  #exchange(method: Method, path: string, body: unknown): Promise<{ status: number; text: string }> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      payload === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) };
    return new Promise((resolve, reject) => {
      const call = this.#request({ method, path, headers }).on("response", (response: IncomingMessage) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
        );
      });
      call.on("error", (error: NodeJS.ErrnoException) => {
        const wasThere = error.code === "EPIPE" || error.code === "ECONNRESET";
        reject(wasThere ? this.#cutOff(error) : this.#unreachable(error));
      });
      const seconds = this.#patienceMs / 1000;
      call.setTimeout(this.#patienceMs, () => {
        call.destroy(Object.assign(new Error(`has not answered for ${seconds} s`), { code: SILENT }));
      });
      call.end(payload);
    });
  }
}

function explain(status: number, text: string): string {
  try {
    const { message, error_code: code, request_id: id } = JSON.parse(text) as Record<string, string>;
    return `${message}${code === undefined ? "" : ` [${code}]`} (HTTP ${status}, request ${id})`;
  } catch {
    return `HTTP ${status}: ${text.slice(0, 200)}`;
  }
}
