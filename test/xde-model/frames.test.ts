/** The protocol between a fake device and the model: from bytes to frames, and back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BadFrame,
  controlFrame,
  controlReply,
  type Frame,
  FrameReader,
  openReply,
  parseControlReply,
  replyFrame,
} from "../../src/xde-model/frames.ts";
import { type CommandParts, commandFrame, ofKind, openFrame, parseReply, plain } from "./kit.ts";

function read(chunks: Iterable<Buffer>, reader = new FrameReader()): unknown[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) frames.push(...reader.push(chunk));
  return frames.map(plain);
}

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const parts: fc.Arbitrary<CommandParts> = fc.record({
  cmd: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  apiVersion: uint64,
  capacity: uint64,
  unreadable: fc.boolean(),
  body: fc.uint8Array({ maxLength: 300 }),
});

/** A frame's bytes, and what is to be read from them. */
const frame: fc.Arbitrary<readonly [Buffer, unknown]> = fc.oneof(
  fc.constant([openFrame(), { kind: "open" }] as const),
  parts.map((command) => {
    const request = { ...command, body: [...command.body] };
    return [commandFrame(command), { kind: "command", request }] as const;
  }),
  fc.jsonValue().map((value) => [controlFrame(value), { kind: "control", text: JSON.stringify(value) }] as const),
);

/** Cuts bytes at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])];
  sorted.sort((a, b) => a - b);
  return sorted.slice(0, -1).map((start, i) => bytes.subarray(start, sorted[i + 1]));
}

describe("what arrives", () => {
  it("gives the same frames however it is cut into chunks", () => {
    const chunking = fc.array(fc.nat(1 << 20), { maxLength: 40 });
    const property = fc.property(fc.array(frame, { maxLength: 6 }), chunking, (sent, places) => {
      const bytes = Buffer.concat(sent.map(([written]) => written));
      expect(read(cut(bytes, places))).toEqual(sent.map(([, expected]) => expected));
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("gives the same frames a byte at a time", () => {
    const property = fc.property(fc.array(frame, { maxLength: 3 }), (sent) => {
      const bytes = Buffer.concat(sent.map(([written]) => written));
      const single = Array.from(bytes, (byte) => Buffer.of(byte));
      expect(read(single)).toEqual(sent.map(([, expected]) => expected));
    });
    fc.assert(property, { numRuns: 100 });
  });

  it("gives no frame before its last byte is there", () => {
    const bytes = openFrame();
    const reader = new FrameReader();
    expect(read([bytes.subarray(0, -1)], reader)).toEqual([]);
    expect(read([bytes.subarray(-1)], reader)).toEqual([{ kind: "open" }]);
  });

  it("may be a command with 16 MiB of body", () => {
    const body = Buffer.alloc(16 * 1024 * 1024, 7);
    const bytes = commandFrame({ cmd: 1, apiVersion: 41n, capacity: 1n, unreadable: false, body });
    const frames = [...new FrameReader().push(bytes)];
    expect(frames).toMatchObject([{ kind: "command", request: { body: { length: body.length } } }]);
  });
});

describe("a bad frame is refused by its reason", () => {
  const length = (bytes: number) => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(bytes);
    return head;
  };

  it.each([
    ["of a kind that there is not", ofKind(4, Buffer.alloc(36)), /kind 4/],
    ["of kind 0", ofKind(0, Buffer.alloc(36)), /kind 0/],
    ["without a header", length(0), /without a header/],
    ["shorter than any header", Buffer.concat([length(7), Buffer.alloc(7)]), /without a header/],
    ["that is a command shorter than its header", ofKind(2, Buffer.alloc(35)), /shorter than its header/],
    ["longer than anything honest, before it has arrived", length(17 * 1024 * 1024 + 1), /frame of 17825793 bytes/],
    ["of 4 GiB", length(2 ** 32 - 1), /frame of 4294967295 bytes/],
  ])("%s", (_what, bytes, words) => {
    const error = (() => {
      try {
        return read([bytes]);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(BadFrame);
    expect(error).toHaveProperty("message", expect.stringMatching(words));
  });

  it("after the good ones before it were given", () => {
    const reader = new FrameReader();
    const frames = reader.push(Buffer.concat([openFrame(), ofKind(9, Buffer.alloc(8))]));
    expect(frames.next().value).toEqual({ kind: "open" });
    expect(() => frames.next()).toThrow(BadFrame);
  });
});

describe("a reply", () => {
  it("says errno, what was copied out, and how long it is", () => {
    const bytes = replyFrame({ errno: 0, copiedOut: true, actual: 3, reply: Uint8Array.of(1, 2, 3) });
    expect(bytes.readUInt32LE()).toBe(bytes.length - 4);
    expect(parseReply(bytes)).toEqual({ errno: 0, copiedOut: true, actual: 3, reply: [1, 2, 3] });
  });

  it("that had no room has its length and no bytes", () => {
    const bytes = replyFrame({ errno: 105, copiedOut: false, actual: 70_000, reply: Uint8Array.of(9) });
    expect(parseReply(bytes)).toEqual({ errno: 105, copiedOut: false, actual: 70_000, reply: [] });
  });

  it("to an open has an errno and nothing else", () => {
    expect(parseReply(openReply(13))).toEqual({ errno: 13, copiedOut: false, actual: 0, reply: [] });
  });

  it("to an order is the value again", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseControlReply(controlReply(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
