/** What the HTTP suite asks of every answer, and of a sled that refused. */
import { expect } from "vitest";
import type { Answer, Sled } from "../harness/sled.ts";

export const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** An answer from `inject` or from a socket. */
export type AnyAnswer = Pick<Answer, "status" | "headers" | "text" | "body">;

export interface ErrorBody {
  readonly request_id: string;
  readonly message: string;
  readonly error_code?: string;
}

export interface Refusal {
  readonly status: number;
  /** Left out: the body has no `error_code` at all. */
  readonly code?: string;
  /** What the message has to name, as a word. */
  readonly names?: string;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The form of every error: JSON of three keys at most, with the request id of the header. */
export function expectError(answer: AnyAnswer, { status, code, names }: Refusal): ErrorBody {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(answer.headers["x-request-id"]).toMatch(UUID_V4);
  const body: ErrorBody = answer.body;
  expect(body).toEqual({
    request_id: answer.headers["x-request-id"],
    message: expect.stringMatching(/\S/),
    ...(code === undefined ? {} : { error_code: code }),
  });
  expect("error_code" in body).toBe(code !== undefined);
  if (names !== undefined) expect(body.message).toMatch(new RegExp(`(?<!\\w)${escaped(names)}(?!\\w)`));
  return body;
}

/** The client's mistake: 400 without a code, naming the field. */
export function expectBadRequest(answer: AnyAnswer, names?: string): void {
  expectError(answer, names === undefined ? { status: 400 } : { status: 400, names });
}

/** A change that happened: 204 with nothing in it. */
export function expectDone(answer: AnyAnswer): void {
  expect(answer.status, answer.text).toBe(204);
  expect(answer.text).toBe("");
  expect(answer.headers["content-type"]).toBeUndefined();
  expect(answer.headers["x-request-id"]).toMatch(UUID_V4);
}

/** All a request can change: the driver's tables, what the NICs joined, the VMMs. */
function everything(sled: Sled): unknown {
  return structuredClone({
    driver: sled.model.tables,
    joined: sled.nics.joined,
    vmms: sled.agent.listVmms(),
  });
}

/** Runs what has to leave the sled as it is, and sees to it that it does. */
export async function changingNothing<T>(sled: Sled, act: () => Promise<T>): Promise<T> {
  const before = everything(sled);
  const result = await act();
  expect(everything(sled)).toEqual(before);
  return result;
}

/** Sends a request that is the client's mistake: refused, the field named, nothing changed. */
export async function expectRefused(sled: Sled, send: () => Promise<AnyAnswer>, names?: string): Promise<void> {
  expectBadRequest(await changingNothing(sled, send), names);
}
