/**
 * Bearer tokens (RFC 6750): a file with one a line, a name before it where one is wanted. Only their
 * hashes are kept. A token that is sent is compared with all of them, in the same time whichever it is.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { wrong } from "../../settings.ts";
import { HttpError } from "../errors.ts";

const LEAST_CHARACTERS = 32;
const MOST_CHARACTERS = 1024;
/** Each request is held against every one. */
const MOST_TOKENS = 256;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const NAME = /^[A-Za-z0-9_.@-]{1,64}$/;
const BEARER = /^bearer +(?<token>\S+) *$/i;

const digestOf = (token: string) => createHash("sha256").update(token).digest();

interface Known {
  /** From the file, or the place in it. */
  readonly name: string;
  readonly digest: Buffer;
}

export class Tokens {
  readonly #known: readonly Known[];

  private constructor(known: readonly Known[]) {
    this.#known = known;
  }

  /** Throws, naming the setting, the file and the line, and never what is in it. */
  static parse(key: string, file: string, content: string): Tokens {
    return new Tokens(parseLines(key, file, content));
  }

  get count(): number {
    return this.#known.length;
  }

  /** The name of the token that a request bears. Throws where it bears none of these; what it bore is not said. */
  check(authorization: string | undefined): string {
    const found = this.#find(BEARER.exec(authorization ?? "")?.groups?.token);
    if (found === undefined) throw unauthorized(authorization === undefined);
    return found;
  }

  /** Whether these are the same tokens by the same names. */
  equals(other: Tokens): boolean {
    const texts = (tokens: Tokens) => tokens.#known.map(({ name, digest }) => `${name} ${digest.toString("hex")}`);
    return texts(this).join() === texts(other).join();
  }

  #find(token: string | undefined): string | undefined {
    if (token === undefined || token.length > MOST_CHARACTERS) return undefined;
    const digest = digestOf(token);
    let found: string | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known.name;
    return found;
  }
}

function parseLines(key: string, file: string, content: string): Known[] {
  const known: Known[] = [];
  for (const [i, text] of content.split("\n").entries()) {
    const words = text.trim().split(/\s+/).filter(Boolean);
    if (words[0] === undefined || words[0].startsWith("#")) continue;
    const refuse = (why: string) => wrong(key, `${file}, line ${i + 1}: ${why}`);
    const one = parseWords(words, known.length + 1, refuse);
    if (known.some(({ name }) => name === one.name)) throw refuse(`the name ${one.name} is there twice`);
    if (known.some(({ digest }) => digest.equals(one.digest))) throw refuse("the token is there twice");
    known.push(one);
  }
  if (known.length === 0) throw wrong(key, `${file} has no token: nobody could ask anything`);
  if (known.length > MOST_TOKENS) throw wrong(key, `${file} has over ${MOST_TOKENS} tokens`);
  return known;
}

function parseWords(words: readonly string[], place: number, refuse: (why: string) => Error): Known {
  const [name, token] = words.length === 1 ? [`#${place}`, words[0] ?? ""] : [words[0] ?? "", words[1] ?? ""];
  if (words.length > 2) throw refuse("has more than a name and a token");
  if (words.length === 2 && !NAME.test(name)) {
    throw refuse("the name has other characters than letters, digits, `_`, `.`, `@` and `-`, or over 64");
  }
  if (token.length < LEAST_CHARACTERS || token.length > MOST_CHARACTERS || !VISIBLE_ASCII.test(token)) {
    const form = `${LEAST_CHARACTERS} to ${MOST_CHARACTERS} visible ASCII characters`;
    throw refuse(`a token is ${form}; \`openssl rand -hex 32\` makes one`);
  }
  return { name, digest: digestOf(token) };
}

function unauthorized(missing: boolean): HttpError {
  const message = missing
    ? 'header "authorization" is missing: this agent wants a token, as in `Authorization: Bearer TOKEN`'
    : 'header "authorization": not a token that this agent knows; it wants `Authorization: Bearer TOKEN`';
  // RFC 6750, section 3.1: a request that bore nothing is told no error.
  const challenge = missing ? "Bearer" : 'Bearer error="invalid_token"';
  return new HttpError(401, message, { "www-authenticate": challenge });
}
