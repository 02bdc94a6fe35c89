/** HTTP load by autocannon, for a bounded time, with every answer checked to be the one expected. */
import autocannon, { type Client, type Request, type Result } from "autocannon";

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly status: number;
  /** The requests that a connection sends, over and over. */
  requestsOf(connection: number): Request[];
}

/** Requests a second, from the first answer to the last: making the connections is not in it. */
export async function requestRate({ url, connections, seconds, status, requestsOf }: Load): Promise<number> {
  let next = 0;
  let answers = 0;
  let first = 0;
  let last = 0;
  const unexpected = new Map<number, number>();
  const { errors, timeouts } = await new Promise<Result>((resolve, reject) => {
    const options = {
      url,
      connections,
      duration: seconds,
      sampleInt: 100,
      setupClient: (client: Client) => client.setRequests(requestsOf(next++)),
    };
    const running = autocannon(options, (error, result) => (error ? reject(error) : resolve(result)));
    running.on("response", (_client, code) => {
      last = performance.now();
      if (answers === 0) first = last;
      answers++;
      if (code !== status) unexpected.set(code, (unexpected.get(code) ?? 0) + 1);
    });
  });
  if (unexpected.size > 0 || errors > 0 || timeouts > 0 || answers < 2) {
    const codes = [...unexpected].map(([code, count]) => `${count} × ${code}`).join(", ");
    throw new Error(`load on ${url}: ${answers} answers, ${errors} errors, ${timeouts} timeouts, unexpected: ${codes}`);
  }
  return ((answers - 1) * 1000) / (last - first);
}
