/** How a client comes through the daemon's doors, and asks. */
import { readFileSync } from "node:fs";
import { type Agent, request as plain } from "node:http";
import { type Agent as SecureAgent, request as secure } from "node:https";

/** Files, for the daemon of another process and the client of a third. */
export interface Access {
  readonly port: number;
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly token?: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const GIVEN_UP_MS = 30_000;

/** Of a client that is let in. */
export class Caller {
  readonly #options: object;
  readonly #request: typeof plain;
  readonly isSecure: boolean;

  constructor({ port, tls, token }: Access) {
    const files =
      tls === undefined ? [] : Object.entries(tls).map(([name, file]) => [name, readFileSync(file, "utf8")]);
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.#options = {
      host: "127.0.0.1",
      port,
      timeout: GIVEN_UP_MS,
      headers: authorization,
      ...Object.fromEntries(files),
    };
    this.isSecure = tls !== undefined;
    this.#request = tls === undefined ? plain : (secure as typeof plain);
  }

  /** `agent`: false for a connection of its own. */
  call(method: string, path: string, body?: object, agent: Agent | SecureAgent | false = false): Promise<Answer> {
    const payload = body === undefined ? "" : JSON.stringify(body);
    const type = payload === "" ? {} : { "content-type": "application/json" };
    const { headers } = this.#options as { headers: object };
    const all = { ...headers, ...type, "content-length": payload.length };
    return new Promise((resolve, reject) => {
      const sent = this.#request({ ...this.#options, agent, method, path, headers: all }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.once("error", reject).once("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.once("timeout", () => sent.destroy(new Error(`no answer within ${GIVEN_UP_MS} ms`)));
      sent.once("error", reject).end(payload);
    });
  }
}
