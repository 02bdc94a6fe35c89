/** Requests whose end is disputed: lengths, chunks, and what is hidden behind them. */
import { cut, type Family, HIDDEN, head, M2P, MAPPING, whole } from "./malformed.ts";

const { length } = MAPPING;

const LENGTHS = [
  "-1",
  "+74",
  "7 4",
  "0x4a",
  "1e2",
  "74.0",
  "74,74",
  "",
  "99999999999999999999",
  "18446744073709551616",
  "NaN",
  "\x0b74",
  "٧",
] as const;

const ENCODINGS = [
  "chunked, identity",
  "xchunked",
  "identity, x",
  "chunked;q=0.5",
  "chunked, gzip",
  "\x0bchunked",
  "chunked\x00",
  "[chunked]",
] as const;

/** Both a length and chunks, in either order and in disguise. */
const BOTH = [
  [`content-length: ${length}`, "transfer-encoding: chunked"],
  ["transfer-encoding: chunked", `content-length: ${length}`],
  ["transfer-encoding : chunked", `content-length: ${length}`],
  ["transfer-encoding: chunked", "content-length: 0"],
  ["Transfer-Encoding: chunked", "Content-Length: 5"],
  ["transfer-encoding: identity", "transfer-encoding: chunked", `content-length: ${length}`],
  [" transfer-encoding: chunked", `content-length: ${length}`],
] as const;

const SIZES = [
  "-1",
  "zz",
  "0x5",
  "5 5",
  "FFFFFFFFFFFFFFFFF",
  "ffffffffffffffffffff",
  " 5",
  "5\x00",
  ";",
  "",
  "+5",
] as const;

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const chunkedHead = head(`PUT ${M2P}`, ["transfer-encoding: chunked"]);

export const DISPUTED_ENDS: Readonly<Record<string, Family>> = {
  length: (chance) => cut(head(`PUT ${M2P}`, [`content-length: ${chance.pick(LENGTHS)}`]) + MAPPING + HIDDEN),
  "two lengths": (chance) => {
    const other = [0, 1, length - 1, length + 1, length + HIDDEN.length][chance.below(5)];
    return cut(head(`PUT ${M2P}`, [`content-length: ${length}`, `content-length: ${other}`]) + MAPPING + HIDDEN);
  },
  "length and chunks": (chance) => cut(`${head(`PUT ${M2P}`, chance.pick(BOTH))}0\r\n\r\n${HIDDEN}`),
  "transfer encoding": (chance) =>
    cut(`${head(`PUT ${M2P}`, [`transfer-encoding: ${chance.pick(ENCODINGS)}`])}${chunk(MAPPING)}0\r\n\r\n${HIDDEN}`),
  "length beyond the body": (chance) =>
    cut(head(`PUT ${M2P}`, [`content-length: ${length + 1 + chance.below(1000)}`]) + MAPPING),
  "length short of the body": (chance) =>
    whole(head(`PUT ${M2P}`, [`content-length: ${chance.below(length)}`]) + MAPPING),
  "length beyond all bounds": () => cut(`${head(`PUT ${M2P}`, ["content-length: 10000000000"])}${MAPPING}`),
  "chunk size": (chance) => cut(`${chunkedHead}${chance.pick(SIZES)}\r\n${MAPPING}\r\n0\r\n\r\n${HIDDEN}`),
  "chunk that is longer than it says": (chance) =>
    cut(`${chunkedHead}${chance.below(length).toString(16)}\r\n${MAPPING}\r\n0\r\n\r\n`),
  "chunks without an end": (chance) => cut(chunkedHead + chunk(MAPPING).slice(0, 1 + chance.below(length))),
  "chunks with bare line feeds": () => cut(`${chunkedHead}${length.toString(16)}\n${MAPPING}\n0\n\n${HIDDEN}`),
  "hidden in a length": () => whole(head(`PUT ${M2P}`, [`content-length: ${HIDDEN.length}`]) + HIDDEN),
  "hidden in a chunk": () => whole(`${chunkedHead}${chunk(HIDDEN)}0\r\n\r\n`),
  "hidden after the last answer": (chance) =>
    whole(head(`PUT ${chance.pick(["/nothing", "/vmms/x", `${M2P}/x`])}`, ["content-length: 2"]).concat("{}", HIDDEN)),
};
