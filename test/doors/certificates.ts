/** Certificates for a test run, made by openssl with small keys. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { reason } from "../native/compile.ts";

const IN_CI = process.env.CI === "true" || process.env.CI === "1";

/** Why no certificate can be made here, if so. */
export const noOpenssl = (() => {
  try {
    execFileSync("openssl", ["version"], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return reason(error as Error);
  }
})();
if (noOpenssl !== undefined) console.log(`TLS is not tested: ${noOpenssl}`);
/** In CI what is missing fails. */
export const skipTls = noOpenssl !== undefined && !IN_CI;

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

let folder: string | undefined;
let made = 0;

function directory(): string {
  folder ??= mkdtempSync(path.join(tmpdir(), "certificates-"));
  return folder;
}
process.once("exit", () => folder !== undefined && rmSync(folder, { recursive: true, force: true }));

function certificate(subject: string, ...more: readonly string[]): Certificate {
  const base = path.join(directory(), String(made++));
  const [certFile, keyFile] = [`${base}.crt`, `${base}.key`];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  const args = ["req", "-x509", ...key, "-subj", subject, "-days", "3650", "-out", certFile, ...more];
  execFileSync("openssl", args, { stdio: "pipe" });
  return { certFile, keyFile, cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
}

export const authority = (name: string): Certificate =>
  certificate(`/CN=${name}`, "-addext", "keyUsage=critical,keyCertSign,cRLSign");

/** `alternatives`: `DNS:…`, `URI:…`, `IP:…`. */
export function signed(by: Certificate, subject: string, ...alternatives: readonly string[]): Certificate {
  const names = alternatives.length === 0 ? [] : ["-addext", `subjectAltName=${alternatives.join(",")}`];
  const leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
  return certificate(subject, "-CA", by.certFile, "-CAkey", by.keyFile, ...leaf, ...names);
}
