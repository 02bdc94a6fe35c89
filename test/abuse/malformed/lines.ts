/** Broken request lines, methods, paths and headers. */
import { cut, type Family, head, M2P, MAPPING, noise, PATHS, whole } from "./malformed.ts";

const good = (headers: readonly string[]) =>
  whole(head(`PUT ${M2P}`, [...headers, `content-length: ${MAPPING.length}`]) + MAPPING);

const OTHER_PROTOCOLS = [
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "SSH-2.0-OpenSSH_9.6\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "*1\r\n$4\r\nPING\r\n",
  "EHLO example.com\r\n",
  "\x00\x00\x00\x2c\x00\x00\x00\x00",
  "OPTIONS sip:nm SIP/2.0\r\n\r\n",
] as const;

const LINES = [
  `PUT ${M2P} HTTP/x`,
  `PUT ${M2P} HTTP/2.0`,
  `PUT ${M2P} HTTP/11`,
  `PUT ${M2P} HTTP/1.10`,
  `PUT ${M2P} http/1.1`,
  `PUT ${M2P} HTTP`,
  `PUT ${M2P}`,
  `PUT  ${M2P} HTTP/1.1 x`,
  `put ${M2P} HTTP/1.1`,
  `FROB ${M2P} HTTP/1.1`,
  ` PUT ${M2P} HTTP/1.1`,
  `PUT\t${M2P}\tHTTP/1.1`,
  `PUT ${M2P}\x00 HTTP/1.1`,
  "PUT  HTTP/1.1",
  "PUT HTTP/1.1",
  "/ HTTP/1.1",
  "\x80\x81 / HTTP/1.1",
] as const;

/** Known to HTTP, but nothing that these paths serve. */
const METHODS = ["PATCH", "OPTIONS", "TRACE", "PROPFIND", "LOCK", "PURGE", "SEARCH", "MKCOL", "COPY"] as const;

const BAD_PATHS = [
  "/networking/../networking/mcast-m2p",
  "/networking/%2e%2e/networking/mcast-m2p",
  "/networking/./mcast-m2p",
  "/networking/%2e/mcast-m2p",
  "/networking/mcast-m2p%00",
  "/networking/mcast-m2p%zz",
  "/networking/mcast-m2p%",
  "/networking/mcast-m2p%c0%ae",
  "/networking/mcast-m2p;jsessionid=1",
  "/networking/mcast-m2p.json",
  "/networking\\mcast-m2p",
  "/networking%2fmcast-m2p",
  "/NETWORKING/mcast-m2p",
  "/networking/mcast-m2p/extra",
  "/vmms/../../etc/passwd/multicast-group",
  "/vmms/%2e%2e%2f%2e%2e%2fetc/multicast-group",
  "/vmms/x/multicast-group",
  "/vmms/__proto__/multicast-group",
  "/vmms/bbbbbbbb-0000-4000-8000-00000000000g/multicast-group",
  `/vmms/${"a".repeat(3000)}/multicast-group`,
  "/__proto__",
  "/constructor/prototype",
  "*",
  "networking/mcast-m2p/x",
  "http://[::1/x",
] as const;

const BAD_HEADERS = [
  "nonsense",
  ": nobody",
  "x y: 1",
  "x\x00y: 1",
  "x: a\x00b",
  "x: a\rb",
  "x: a\r\n folded",
  "x : 1",
  "x\xe9: 1",
  "x: \x01",
  "(x): 1",
] as const;

const VERSIONS = ["", "x", "1", "1.2", "-1.0.0", "999.0.0", "1.0.0, 2.0.0", "49.0.0\xe9", "v49.0.0", "{}"] as const;
const EXPECTATIONS = ["200-ok", "sooner", "101-continue"] as const;

export const BROKEN_LINES: Readonly<Record<string, Family>> = {
  "another protocol": (chance) => cut(chance.pick(OTHER_PROTOCOLS) + noise(chance, chance.below(40))),
  noise: (chance) => cut(`\x01${noise(chance, 1 + chance.below(300))}`),
  "request line": (chance) => cut(`${chance.pick(LINES)}\r\nhost: 127.0.0.1\r\n\r\n`),
  "request line without an end": (chance) => cut(`PUT ${M2P.slice(0, chance.below(M2P.length))}`),
  method: (chance) => whole(head(`${chance.pick(METHODS)} ${chance.pick(PATHS)}`)),
  path: (chance) => {
    const path = chance.pick(BAD_PATHS);
    return whole(head(`PUT ${path}`, [`content-length: ${MAPPING.length}`]) + MAPPING);
  },
  "path of noise": (chance) => {
    const bytes = noise(chance, 1 + chance.below(60)).replace(/[\r\n ?#]/g, "\x7f");
    return whole(head(`PUT /\x02${bytes}`, [`content-length: ${MAPPING.length}`]) + MAPPING);
  },
  header: (chance) => good([chance.pick(BAD_HEADERS)]),
  "header of noise": (chance) => good([`\x03${noise(chance, chance.below(50)).replace(/[\r\n]/g, "\x00")}`]),
  "head without an end": (chance) => cut(head(`GET ${M2P}`, ["x: 1"]).slice(0, -(1 + chance.below(20)))),
  "headers beyond all bounds": (chance) => good([`x: ${"a".repeat(70_000 + chance.below(10_000))}`]),
  "path beyond all bounds": (chance) => whole(head(`PUT ${M2P}?${"a".repeat(70_000 + chance.below(10_000))}`)),
  "api-version": (chance) => good([`api-version: ${chance.pick(VERSIONS)}`, "api-version: ?"]),
  expectation: (chance) => good([`expect: ${chance.pick(EXPECTATIONS)}`]),
  pipeline: (chance) => {
    const before = 1 + chance.below(8);
    const get = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".repeat(before);
    return { ...cut(`${get}${chance.pick(LINES)}\r\n\r\n`), whole: true, after: before };
  },
};
