/** Where the agent is, and with what one comes to it: authorities, a certificate, a token. */
import { readFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { badRequest, messageOf } from "../error.ts";

/** Files, each named by an option or a variable of the environment. */
export interface Access {
  /** Of the authorities that signed the agent's certificate; left out: those that Node knows. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The first token in it is borne. */
  readonly tokenFile?: string;
}

export interface Target {
  /** As it was given, for messages. */
  readonly name: string;
  readonly secure: boolean;
  readonly options: RequestOptions;
  readonly headers: Readonly<Record<string, string>>;
}

function read(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw badRequest(`${option}: ${file} cannot be read: ${messageOf(error)}`);
  }
}

/** The file may be the daemon's own: names and comments are passed over. */
function firstToken(file: string): string {
  const lines = read("--token-file", file).split("\n");
  const line = lines.map((one) => one.trim()).find((one) => one !== "" && !one.startsWith("#"));
  const token = line?.split(/\s+/).at(-1);
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) throw badRequest(`--token-file: ${file} has no token`);
  return token;
}

function certificates({ ca, cert, key }: Access): RequestOptions {
  if ((cert === undefined) !== (key === undefined)) {
    const [missing, given] = cert === undefined ? ["--cert", "--key"] : ["--key", "--cert"];
    throw badRequest(`${missing}: is required with ${given}`);
  }
  return {
    ...(ca !== undefined && { ca: read("--ca", ca) }),
    ...(cert !== undefined && key !== undefined && { cert: read("--cert", cert), key: read("--key", key) }),
  };
}

export function parseTarget(agent: string, access: Access): Target {
  const headers: Record<string, string> = {};
  if (access.tokenFile !== undefined) headers.authorization = `Bearer ${firstToken(access.tokenFile)}`;
  if (agent.startsWith("unix:")) {
    return { name: agent, secure: false, options: { socketPath: agent.slice("unix:".length) }, headers };
  }
  const url = URL.canParse(agent) ? new URL(agent) : undefined;
  const secure = url?.protocol === "https:";
  if (url !== undefined && (url.username !== "" || url.password !== "")) {
    throw badRequest("--agent: has a user or a password in it; --token-file is for what is secret");
  }
  if (url === undefined || !(secure || url.protocol === "http:") || url.pathname !== "/") {
    throw badRequest(`--agent: ${agent} is not http://ADDRESS:PORT, https://HOST:PORT or unix:/path`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (secure ? 443 : 80));
  return { name: agent, secure, options: { host, port, ...(secure && certificates(access)) }, headers };
}

const UNKNOWN_AUTHORITY = "its certificate is signed by nobody who is known here; --ca names the authority's file";
const WANTS_CERTIFICATE = "it wants a client certificate; --cert and --key name one";

const SPEAKS_NO_TLS = "it speaks no TLS there; is it http://?";

/** What TLS failed at, by the code that Node has for it. */
const TLS_WORDS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: "its certificate has expired; it takes up a new one in tls.cert on SIGHUP",
  CERT_NOT_YET_VALID: "its certificate is not valid yet; is this host's clock right?",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name; call it in --agent by one that it bears",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: WANTS_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: WANTS_CERTIFICATE,
  "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE": WANTS_CERTIFICATE,
  ERR_SSL_WRONG_VERSION_NUMBER: SPEAKS_NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: SPEAKS_NO_TLS,
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: "--key is not the key of the certificate in --cert",
};

/** Where it failed while something was sent, OpenSSL's words are all there is. */
const TLS_SIGNS: readonly (readonly [sign: string, words: string])[] = [
  ["wrong version number", SPEAKS_NO_TLS],
  ["packet length too long", SPEAKS_NO_TLS],
  ["alert certificate required", WANTS_CERTIFICATE],
  ["alert handshake failure", WANTS_CERTIFICATE],
];

/** Why TLS was not spoken, in words; undefined where that was not the reason. */
export function whyNoTls({ name }: Target, { code = "", message }: NodeJS.ErrnoException): string | undefined {
  const words =
    TLS_WORDS[code] ?? (code === "EPROTO" ? TLS_SIGNS.find(([sign]) => message.includes(sign))?.[1] : undefined);
  if (words !== undefined) return `${name}: ${words} (${code})`;
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_OSSL_") || code.startsWith("ERR_TLS_") || code === "EPROTO") {
    return `${name}: TLS failed: ${message.trim()} (${code})`;
  }
  return undefined;
}

/** What is a way out of a refusal at the door. */
export function wayIn(status: number | undefined, { headers }: Target): string {
  if (status !== 401) return "";
  return headers.authorization === undefined
    ? "; --token-file names a file with a token"
    : "; --token-file names one with another token";
}
