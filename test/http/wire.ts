/** HTTP as bytes on a real socket, for what no client would let through. */
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Sled } from "../harness/sled.ts";

export interface WireAnswer {
  readonly status: number;
  /** By lower-case name; a header of several lines is a list. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly text: string;
  readonly body: never;
}

/** Has the sled listen on a port of this machine. */
export async function listen(sled: Sled): Promise<number> {
  await sled.app.listen({ host: "127.0.0.1", port: 0 });
  return (sled.app.server.address() as AddressInfo).port;
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return socket;
}

/** Sends characters as bytes, one each, and reads until the server closes. */
export async function exchange(port: number, bytes: string): Promise<WireAnswer[]> {
  const socket = await openSocket(port);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const closed = new Promise((resolve, reject) => socket.once("close", resolve).once("error", reject));
  socket.write(bytes, "latin1");
  await closed;
  return parseAnswers(Buffer.concat(chunks).toString("latin1"));
}

/** A request that asks for the connection to be closed after it; `headers` are whole lines. */
export function requestText(line: string, headers: readonly string[] = [], body = ""): string {
  const length = body === "" ? [] : [`content-length: ${body.length}`];
  return [`${line} HTTP/1.1`, "host: sled", "connection: close", ...length, ...headers, "", body].join("\r\n");
}

/** One request, one answer. */
export async function send(
  port: number,
  line: string,
  headers: readonly string[] = [],
  body = "",
): Promise<WireAnswer> {
  const answers = await exchange(port, requestText(line, headers, body));
  if (answers.length !== 1) throw new Error(`${answers.length} answers to ${line}`);
  return answers[0] as WireAnswer;
}

function parseHeaders(lines: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

/** The text of a chunked body and how many characters it took. */
function parseChunks(text: string): { readonly body: string; readonly taken: number } {
  let body = "";
  let at = 0;
  for (;;) {
    const end = text.indexOf("\r\n", at);
    const length = Number.parseInt(text.slice(at, end), 16);
    body += text.slice(end + 2, end + 2 + length);
    at = end + 2 + length + 2;
    if (length === 0) return { body, taken: at };
  }
}

export function parseAnswers(text: string): WireAnswer[] {
  const answers: WireAnswer[] = [];
  for (let rest = text; rest !== ""; ) {
    const end = rest.indexOf("\r\n\r\n");
    const [statusLine = "", ...lines] = rest.slice(0, end).split("\r\n");
    const headers = parseHeaders(lines);
    const after = rest.slice(end + 4);
    const { body, taken } =
      headers["transfer-encoding"] === "chunked"
        ? parseChunks(after)
        : {
            body: after.slice(0, Number(headers["content-length"] ?? 0)),
            taken: Number(headers["content-length"] ?? 0),
          };
    const json = body !== "" && String(headers["content-type"]).startsWith("application/json");
    const parsed = (json ? JSON.parse(body) : undefined) as never;
    answers.push({ status: Number(statusLine.split(" ")[1]), headers, text: body, body: parsed });
    rest = after.slice(taken);
  }
  return answers;
}
