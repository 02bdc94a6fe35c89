/** Bodies that are no JSON, or not what is to be told. */
import type { Chance } from "../../harness/chance.ts";
import { type Family, head, M2P, MAPPING, noise, PATHS, whole } from "./malformed.ts";

function put(path: string, body: string, type = "application/json") {
  return whole(head(`PUT ${path}`, [`content-type: ${type}`, `content-length: ${body.length}`]) + body);
}

const NO_JSON = [
  "",
  " ",
  "nonsense",
  "{'group':'239.66.6.6'}",
  '{"group":NaN}',
  '{"group":Infinity}',
  '{"group":0x10}',
  '{"group":01}',
  '{"group":1.}',
  '{"group":"\\x41"}',
  '{"group":"\\ud8"}',
  "{,}",
  "[1,]",
  "// comment\n{}",
  "/* */{}",
  "\xef\xbb\xbf{}",
  "\xff\xfe{\x00}\x00",
  '{"group":"\xc0\xaf"}',
  '{"group":"\xed\xa0\x80"}',
  '{"group":"\xf5\x80\x80\x80"}',
  '{"group":"a\nb"}',
  '{"group":"\x00"}',
  '{"group":"239.66.6.6","underlay":"ff04::66"}}',
  '{"group":"239.66.6.6","underlay":"ff04::66"} {}',
] as const;

/** JSON, but for no endpoint what it asks for. */
const NOT_ASKED = [
  "null",
  "true",
  "0",
  "-0",
  "1e999",
  '"text"',
  "[[]]",
  "[null]",
  '{"__proto__":{"group":"239.66.6.6","underlay":"ff04::66"}}',
  '{"constructor":{"prototype":{"group":"239.66.6.6","underlay":"ff04::66"}}}',
  '{"toString":1,"valueOf":2,"hasOwnProperty":null}',
  '{"":""}',
  '{"\\u0000":1}',
] as const;

const NO_GROUPS = [
  "",
  "239.66.6",
  "239.66.6.6.6",
  "239.66.6.06",
  "239.66.6.256",
  "0xef.66.6.6",
  "239.66.6.6/32",
  "239.66.6.6 ",
  "10.0.0.1",
  "0.0.0.0",
  "255.255.255.255",
  "::",
  "fe80::1",
  "ff0e::1%eth0",
  "::ffff:239.66.6.6",
  "239.66.6.6\\u0000",
  "\\ud800",
  "__proto__",
] as const;
const NO_UNDERLAYS = ["", "ff04::1%lo", "fd00::1", "239.66.6.6", "ff04:::1", "ff04::g", "ff0e::66", "ff02::1"] as const;
const VALUES = [
  "null",
  "true",
  "1",
  "-1",
  "1e999",
  "9007199254740993",
  "[]",
  "{}",
  '["ff04::66"]',
  '{"$ref":"#"}',
] as const;

const TYPES = [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/octet-stream",
  "application/xml",
  "json",
  "*/*",
  "application/json2",
  "application/\xe9",
  "text/json",
] as const;

/** Anywhere but in the underlay: it is no group, whatever becomes of the rest. */
function mutated(chance: Chance): string {
  const body = '{"group":"239.66.6.6","underlay":"no group at all"}';
  const bytes = [...body];
  for (let n = 1 + chance.below(4); n > 0; n--) bytes[chance.below(30)] = String.fromCharCode(chance.below(256));
  return bytes.join("");
}

function nested(chance: Chance): string {
  const depth = 10 ** (2 + chance.below(4));
  const [open, close] = chance.pick([
    ["[", "]"],
    ['{"group":', "}"],
    ['{"__proto__":', "}"],
  ] as const);
  return chance.next() < 0.5 ? open.repeat(depth) : `${open.repeat(depth)}0${close.repeat(depth)}`;
}

export const BAD_BODIES: Readonly<Record<string, Family>> = {
  "no JSON": (chance) => put(chance.pick(PATHS), chance.pick(NO_JSON)),
  "JSON cut short": (chance) => put(M2P, MAPPING.slice(0, chance.below(MAPPING.length))),
  "JSON that nobody asked for": (chance) => put(chance.pick(PATHS), chance.pick(NOT_ASKED)),
  "deep JSON": (chance) => put(chance.pick(PATHS), nested(chance)),
  "noise as a body": (chance) => put(chance.pick(PATHS), `\x04${noise(chance, chance.below(500))}`),
  "mutated body": (chance) => put(M2P, mutated(chance)),
  "no group": (chance) => put(M2P, `{"group":"${chance.pick(NO_GROUPS)}","underlay":"ff04::66"}`),
  "no underlay group": (chance) => put(M2P, `{"group":"239.66.6.6","underlay":"${chance.pick(NO_UNDERLAYS)}"}`),
  "value of another type": (chance) => {
    const [group, underlay] = chance.pick([
      [chance.pick(VALUES), '"ff04::66"'],
      ['"239.66.6.6"', chance.pick(VALUES)],
    ] as const);
    return put(M2P, `{"group":${group},"underlay":${underlay}}`);
  },
  "number beyond bounds": (chance) =>
    put(
      "/multicast/config",
      `{"generation":${chance.pick(["-1", "1e999", "1.5", '"1"', "18446744073709551616"])},"m2p":[],"forwarding":[]}`,
    ),
  "content type": (chance) => put(M2P, MAPPING, chance.pick(TYPES)),
  "body beyond all bounds": (chance) => put(M2P, `{"group":"${"a".repeat((1 << 20) + chance.below(1 << 18))}"}`),
};
