/**
 * What HTTPS is served with, from PEM: certificate, key, and the authorities whose clients may come in.
 * Checked as a whole before any of it is used.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { messageOf } from "../../error.ts";
import { wrong } from "../../settings.ts";

/** A file's text, and where it came from, for the message. */
export interface Pem {
  readonly key: string;
  readonly file: string;
  readonly text: string;
}

export interface TlsIdentity {
  readonly cert: Pem;
  readonly privateKey: Pem;
  readonly ca: Pem | undefined;
  /** The certificate's last moment. */
  readonly validTo: Date;
  /** What will be in the way although it can be served. */
  readonly warnings: readonly string[];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesIn({ key, file, text }: Pem): readonly [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...rest] = (text.match(CERTIFICATE) ?? []).map((one) => new X509Certificate(one));
    if (first === undefined) throw new Error("there is no `BEGIN CERTIFICATE` in it");
    return [first, ...rest];
  } catch (error) {
    throw wrong(key, `${file} is no certificate in PEM: ${messageOf(error)}`);
  }
}

function privateKeyIn({ key, file, text }: Pem): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    // Said without OpenSSL's words: the file is the secret.
    throw wrong(key, `${file} is no private key in PEM, or it has a passphrase, which nobody could enter`);
  }
}

function whyNotValid(certificate: X509Certificate, { key, file }: Pem, now: number): string[] {
  const who = `${key}: ${file}: the certificate of ${certificate.subject.split("\n").join(", ")}`;
  if (Date.parse(certificate.validTo) < now) return [`${who} expired at ${certificate.validTo}`];
  if (Date.parse(certificate.validFrom) > now) return [`${who} is not valid before ${certificate.validFrom}`];
  return [];
}

/** Throws, naming the setting, the file and the reason, where no TLS could be spoken with it. */
export function tlsIdentity(cert: Pem, privateKey: Pem, ca: Pem | undefined, now: number = Date.now()): TlsIdentity {
  const [own] = certificatesIn(cert);
  if (!own.checkPrivateKey(privateKeyIn(privateKey))) {
    throw wrong(privateKey.key, `${privateKey.file} is not the key of the certificate in ${cert.file}`);
  }
  const authorities = ca === undefined ? [] : certificatesIn(ca);
  try {
    createSecureContext({ cert: cert.text, key: privateKey.text, ...(ca && { ca: ca.text }) });
  } catch (error) {
    throw wrong(cert.key, `${cert.file} cannot be served: ${messageOf(error)}`);
  }
  const warnings = [
    ...whyNotValid(own, cert, now),
    ...authorities.flatMap((one) => (ca === undefined ? [] : whyNotValid(one, ca, now))),
  ];
  return { cert, privateKey, ca, validTo: new Date(own.validTo), warnings };
}
