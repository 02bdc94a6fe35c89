/** An agent's HTTP on its Unix socket, which can be reached from outside the sled's namespace. */
import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export class AgentApi {
  readonly #socketPath: string;
  readonly #connections = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Any answer; nobody listening is an error. */
  ask(method: string, path: string, body?: object): Promise<Answer> {
    const payload = body === undefined ? "" : JSON.stringify(body);
    // The length is named because Node sends none with DELETE by itself.
    const length = { "content-length": String(Buffer.byteLength(payload)) };
    const headers = body === undefined ? {} : { "content-type": "application/json", ...length };
    const options = { socketPath: this.#socketPath, agent: this.#connections, method, path, headers };
    return new Promise((resolve, reject) => {
      const asked = request(options, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: parsed(text) }));
        response.on("error", reject);
      });
      asked.on("error", reject).end(payload);
    });
  }

  /** A 2xx answer's body; another answer is an error. */
  async call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await this.ask(method, path, body);
    if (answer.status < 300) return answer.body;
    throw new Error(`${method} ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }

  /** Connections to an agent that ended are of no use to its successor. */
  disconnect(): void {
    this.#connections.destroy();
  }
}

function parsed(text: string): unknown {
  return text === "" ? undefined : JSON.parse(text);
}
