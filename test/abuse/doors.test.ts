/**
 * Abuse at the doors: certificates, tokens and names that are not let in, and connections that take all
 * there is. In CI and with SLEDCAST_ABUSE=full; which rules there are is tried in `test/doors`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect as connectSecure, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authority, type Certificate, signed, skipTls } from "../doors/certificates.ts";
import { Chance } from "../harness/chance.ts";
import { sendBad } from "./bad-sender.ts";
import { Crowd, slowly } from "./crowd.ts";
import { HIDDEN, head, M2P, MAPPING, noise } from "./malformed/malformed.ts";
import { full, Victim } from "./victim.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const LONG = { timeout: 300_000 };
const TIMES = 100;
const SOON = { timeout: 30_000, interval: 20 };

describe.skipIf(!full || skipTls)("a daemon that asks for certificates", () => {
  let victim: Victim;
  let strangers: readonly { readonly who: string; readonly certificate: Certificate | undefined }[];
  beforeAll(async () => {
    const [ca, otherCa] = [authority("rack"), authority("elsewhere")];
    const server = signed(ca, "/CN=sled7", "IP:127.0.0.1");
    const client = signed(ca, "/CN=nexus");
    strangers = [
      { who: "nobody", certificate: undefined },
      { who: "signed by another authority", certificate: signed(otherCa, "/CN=nexus") },
      { who: "signed, and not allowed", certificate: signed(ca, "/CN=guest") },
      { who: "the server's own", certificate: server },
    ];
    const own = ["--tls-cert", server.certFile, "--tls-key", server.keyFile];
    const args = [...own, "--tls-ca", ca.certFile, "--tls-allowed-name", "nexus"];
    const tls = { ca: ca.certFile, cert: client.certFile, key: client.keyFile };
    victim = await Victim.start(50, args, { tls });
  }, 60_000);
  afterAll(() => victim?.stop());

  /** The status that this one is answered with, or that its connection ended before. */
  function trespass(certificate: Certificate | undefined): Promise<string> {
    return new Promise((resolve) => {
      const own = certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key };
      const options = { port: victim.port, host: "127.0.0.1", rejectUnauthorized: false, ...own };
      const socket: TLSSocket = connectSecure(options, () =>
        socket.write(HIDDEN.replace("host:", "connection: close\r\nhost:")),
      );
      let text = "";
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? "closed"));
    });
  }

  test("lets in nobody with a wrong one", LONG, async () => {
    for (let n = 0; n < TIMES; n++) {
      const outcomes = await Promise.all(strangers.map(({ certificate }) => trespass(certificate)));
      expect(outcomes).toEqual(["closed", "closed", "403", "403"]);
    }
    await victim.isUnharmed(`${TIMES * strangers.length} trespassers with wrong certificates`);
  });

  test("ends what is no TLS, and has no effect of it", LONG, async () => {
    const chance = new Chance(seed);
    for (let n = 0; n < TIMES; n++) {
      const bytes = [HIDDEN, noise(chance, 300), `\x16\x03\x01\x02\x00${noise(chance, 512)}`];
      for (const one of bytes) {
        const { answers, hung } = await sendBad(victim.port, Buffer.from(one, "latin1"), false);
        // An alert of TLS is no answer of HTTP.
        expect(answers.filter(({ status }) => !Number.isNaN(status))).toEqual([]);
        expect(hung).toBe(false);
      }
    }
    await victim.isUnharmed(`${TIMES * 3} connections without TLS, SLEDCAST_SEED=${seed}`);
  });

  test("serves others while handshakes hang", LONG, async () => {
    const crowd = new Crowd(victim.port);
    const hello = Buffer.from("16030102000100", "hex");
    await crowd.connect(TIMES * 2, (socket: Socket, n) => n % 2 === 0 && socket.write(hello));
    await victim.waited();
    crowd.leave();
    await victim.isUnharmed(`${TIMES * 2} handshakes that hang`);
  });
});

describe.skipIf(!full)("a daemon with tokens, few connections and little patience", () => {
  const CONNECTIONS = 64;
  const token = "0123456789abcdef0123456789abcdef";
  let folder: string;
  let victim: Victim;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "abuse-"));
    const file = path.join(folder, "tokens");
    writeFileSync(file, `nexus ${token}\n`, { mode: 0o600 });
    const args = ["--token-file", file, "--max-connections", String(CONNECTIONS), "--request-seconds", "1"];
    victim = await Victim.start(50, args, { token });
  }, 60_000);
  afterAll(async () => {
    await victim?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const change = (...headers: string[]) =>
    Buffer.from(head(`PUT ${M2P}`, [...headers, `content-length: ${MAPPING.length}`]) + MAPPING, "latin1");

  test("lets in nobody with a wrong token, or by a wrong name", LONG, async () => {
    const right = `authorization: Bearer ${token}`;
    const wrong = [
      [[], 401],
      [["authorization: "], 401],
      [["authorization: Bearer"], 401],
      [["authorization: Bearer x"], 401],
      [[`authorization: Bearer ${token.slice(1)}`], 401],
      [[`authorization: Bearer ${token.toUpperCase()}`], 401],
      [[`authorization: Bearer ${token} ${token}`], 401],
      [[`authorization: Basic ${token}`], 401],
      [[`authorization: Bearer ${"x".repeat(8000)}`], 401],
      [[`authorization: Bearer ${token}\x80`], 401],
      [["authorization: Bearer x", right], 401],
      [[right, "origin: http://evil.example"], 421],
    ] as const;
    for (let n = 0; n < TIMES; n++) {
      for (const [headers, status] of wrong) {
        const { answers } = await sendBad(victim.port, change(...headers), true);
        expect(
          answers.map((answer) => answer.status),
          headers.join(),
        ).toEqual([status]);
      }
      const named = `PUT ${M2P} HTTP/1.1\r\nhost: evil.example\r\n${right}\r\nconnection: close\r\ncontent-length: 44\r\n\r\n`;
      const { answers } = await sendBad(victim.port, Buffer.from(named + MAPPING), true);
      expect(answers.map(({ status }) => status)).toEqual([421]);
    }
    await victim.isUnharmed(`${TIMES * (wrong.length + 1)} requests with wrong tokens and names`);
  });

  test("cuts off those who take too long, and has room for others again", LONG, async () => {
    const crowd = new Crowd(victim.port);
    await crowd.connect(CONNECTIONS / 2, (socket, n) => slowly(crowd, socket, n));
    await expect.poll(() => crowd.size, SOON).toBe(0);
    expect(crowd.ended).toBe(CONNECTIONS / 2);
    crowd.leave();
    await victim.isUnharmed(`${CONNECTIONS / 2} slow clients that were cut off`);
  });

  test("serves those who are connected while others fill it, and newcomers afterwards", LONG, async () => {
    await victim.isFull();
    const crowd = new Crowd(victim.port);
    await crowd.connect(CONNECTIONS * 3, () => {});
    // All but those that the well-behaved client has.
    await expect.poll(() => crowd.ended, SOON).toBeGreaterThanOrEqual(CONNECTIONS * 2);
    await victim.waited();
    crowd.leave();
    await victim.isUnharmed(`${CONNECTIONS * 3} connections where ${CONNECTIONS} are allowed`);
    const socket = connectPlain(victim.port, "127.0.0.1");
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    socket.destroy();
  });
});
