/**
 * How a batch crosses to native code and back: one ArrayBuffer each way, so that a thousand
 * commands cost two objects at the border and not thousands. Numbers are doubles in the machine's
 * own order (they never leave the process); the addon's side of it is `native/node`.
 *
 * There: four numbers a call (API version, command, length of the request, capacity), then the
 * requests end to end. Back: three numbers a call (errno, 1 if the reply was copied out, the bytes
 * it has), then the copied replies end to end.
 */
import type { DeviceCall, DeviceReply } from "./binding.ts";

export const CALL_NUMBERS = 4;
export const ANSWER_NUMBERS = 3;
const DOUBLE = Float64Array.BYTES_PER_ELEMENT;

/** Beyond any reply a driver has; a slip of units must not take the host's memory. */
const MAX_CAPACITY = 256 * 1024 * 1024;

function checked(call: DeviceCall): void {
  if (!Number.isSafeInteger(call.apiVersion) || call.apiVersion < 0) throw new TypeError("apiVersion is not a number");
  if (!Number.isInteger(call.cmd) || call.cmd !== (call.cmd | 0)) throw new TypeError("cmd is not an int");
  if (call.request !== undefined && !(call.request instanceof Uint8Array)) throw new TypeError("request is not bytes");
  if (!Number.isInteger(call.capacity) || call.capacity < 0 || call.capacity > MAX_CAPACITY) {
    throw new TypeError(`capacity is not a number from 0 to ${MAX_CAPACITY}`);
  }
}

export function packCalls(calls: readonly DeviceCall[]): ArrayBuffer {
  if (!Array.isArray(calls)) throw new TypeError("calls is not an array");
  let bytes = calls.length * CALL_NUMBERS * DOUBLE;
  for (const call of calls) {
    checked(call);
    bytes += call.request?.length ?? 0;
  }
  const packed = new ArrayBuffer(bytes);
  const numbers = new Float64Array(packed, 0, calls.length * CALL_NUMBERS);
  const requests = new Uint8Array(packed, numbers.byteLength);
  let number = 0;
  let at = 0;
  for (const call of calls) {
    const length = call.request?.length ?? 0;
    numbers[number++] = call.apiVersion;
    numbers[number++] = call.cmd;
    numbers[number++] = length;
    numbers[number++] = call.capacity;
    if (call.request !== undefined) requests.set(call.request, at);
    at += length;
  }
  return packed;
}

/** The replies are views into the answer: nothing is copied again. */
export function unpackAnswer(answer: ArrayBuffer, count: number): readonly DeviceReply[] {
  const numbers = new Float64Array(answer, 0, count * ANSWER_NUMBERS);
  const replies: DeviceReply[] = new Array(count);
  let at = numbers.byteLength;
  for (let i = 0; i < count; i++) {
    const copiedOut = numbers[i * ANSWER_NUMBERS + 1] === 1;
    const actual = numbers[i * ANSWER_NUMBERS + 2] ?? 0;
    const length = copiedOut ? actual : 0;
    replies[i] = {
      errno: numbers[i * ANSWER_NUMBERS] ?? 0,
      copiedOut,
      actual,
      reply: new Uint8Array(answer, at, length),
    };
    at += length;
  }
  return replies;
}

/** The system would take the part before a NUL for the whole path. */
export function checkPath(path: string): void {
  if (typeof path !== "string") throw new TypeError("the device's path must be a string");
  if (path.includes("\0")) throw new TypeError("the device's path must not contain a NUL");
}
