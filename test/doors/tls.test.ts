/** HTTPS, client certificates and their names, and other ones put in force while connections are open. */
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { AllowedNames, clientCertificate } from "../../src/http/doors/certificate-names.ts";
import type { Rules } from "../../src/http/doors/doors.ts";
import { type TlsIdentity, tlsIdentity } from "../../src/http/doors/tls-identity.ts";
import { changingNothing, expectDone, expectError } from "../http/expect.ts";
import { authority, type Certificate, signed, skipTls } from "./certificates.ts";
import { audited, call, limits, M2P, put, type Served, served, servedForAll } from "./kit.ts";

describe.skipIf(skipTls)("HTTPS", () => {
  let ca: Certificate;
  let otherCa: Certificate;
  let server: Certificate;
  let renewed: Certificate;
  let client: Certificate;
  let stranger: Certificate;
  beforeAll(() => {
    [ca, otherCa] = [authority("rack"), authority("elsewhere")];
    server = signed(ca, "/CN=sled7", "IP:127.0.0.1", "DNS:localhost");
    renewed = signed(ca, "/CN=sled7 renewed", "IP:127.0.0.1");
    client = signed(ca, "/CN=nexus", "DNS:nexus.rack.example", "URI:spiffe://rack/nexus", "IP:fd00::5");
    stranger = signed(otherCa, "/CN=nexus");
  });

  const identity = (own: Certificate, authorities?: Certificate): TlsIdentity =>
    tlsIdentity(
      { key: "tls.cert", file: own.certFile, text: own.cert },
      { key: "tls.key", file: own.keyFile, text: own.key },
      authorities && { key: "tls.ca", file: authorities.certFile, text: authorities.cert },
    );
  const as = (who?: Certificate) => ({ tls: { ca: ca.cert, ...(who && { cert: who.cert, key: who.key }) } });
  const mutual = (rules: Rules = {}) => served({ identity: identity(server, ca), rules });
  /** Told of other names by each test that asks it. */
  const shared = servedForAll(() => ({ identity: identity(server, ca) }));
  const sharedWith = (...names: string[]) => {
    const at = shared();
    at.doors.follow(named(...names), 100, identity(server, ca));
    at.sled.log.records.length = 0;
    return at;
  };
  const named = (...names: string[]): Rules => ({ names: new AllowedNames(names) });

  /** A connection that stays open. */
  async function open({ port }: Served, who: Certificate = client): Promise<TLSSocket> {
    const socket = connect({ port, host: "127.0.0.1", ...as(who).tls });
    onTestFinished(() => void socket.destroy());
    await once(socket, "secureConnect");
    return socket;
  }

  async function ask(socket: TLSSocket): Promise<string> {
    socket.write(`GET ${M2P} HTTP/1.1\r\nhost: sled\r\n\r\n`);
    const [bytes] = await once(socket, "data");
    return String(bytes).split("\r\n", 1)[0] ?? "";
  }

  test("is served to those who know the authority, and plain HTTP is not", async () => {
    const { sled, port } = await served({ identity: identity(server) });
    expectDone(await put(port, as()));
    await expect(call(port)).rejects.toThrow();
    await vi.waitFor(() => expect(sled.log.records.map(({ message }) => message)).toContain("TLS handshake failed"));
    expect((await call(port, as())).status).toBe(200);
  });

  test("is spoken in TLS 1.2 and 1.3, and not in what was before", async () => {
    const { port } = await served({ identity: identity(server) });
    const versionOf = async (version: "TLSv1.1" | "TLSv1.2" | "TLSv1.3") => {
      const old = { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" } as const;
      const socket = connect({ port, host: "127.0.0.1", ca: ca.cert, ...old });
      onTestFinished(() => void socket.destroy());
      await once(socket, "secureConnect");
      return socket.getProtocol();
    };
    expect(await versionOf("TLSv1.2")).toBe("TLSv1.2");
    expect(await versionOf("TLSv1.3")).toBe("TLSv1.3");
    await expect(versionOf("TLSv1.1")).rejects.toThrow();
  });

  test("with an authority for clients lets in whom it signed, and the audit names the certificate", async () => {
    const at = await mutual();
    expectDone(await put(at.port, as(client)));
    expect(audited(at)[0]?.fields.asked_by).toEqual({
      remote_addr: "127.0.0.1",
      certificate: { name: "nexus", fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) },
    });
  });

  test("with an authority for clients fails the handshake of who has no certificate of it, counts it and goes on", async () => {
    const { sled, port } = await mutual();
    const refused = [as(), as(stranger), as(otherCa)];
    await changingNothing(sled, async () => {
      for (const who of refused) await expect(put(port, who)).rejects.toThrow();
    });
    const failures = () => sled.log.records.filter(({ message }) => message === "TLS handshake failed");
    await vi.waitFor(() => expect(failures()).toHaveLength(3));
    expect(failures()[0]?.fields).toMatchObject({
      remote_addr: "127.0.0.1",
      error: expect.stringMatching(/certificate/),
    });
    expect((await sled.metrics.scrape()).text).toContain("sledcast_tls_handshakes_failed_total 3");
    expect(sled.log.records.filter(({ message }) => message === "broken request")).toEqual([]);
    expect((await call(port, as(client))).status).toBe(200);
  });

  test.each(["nexus", "NEXUS.rack.example", "spiffe://rack/nexus", "fd00:0::5"])(
    "with names lets in a certificate that bears one: %s",
    async (name) => {
      const { port } = sharedWith("another", name);
      expectDone(await put(port, as(client)));
    },
  );

  test.each(["rack.example", "nexus.rack", "*.rack.example", "spiffe://rack", "spiffe://rack/NEXUS", "sled7"])(
    "with names answers 403 to a certificate that bears none of them: %s",
    async (name) => {
      const at = sharedWith(name);
      const answer = await changingNothing(at.sled, () => put(at.port, as(client)));
      expectError(answer, { status: 403, names: "tls.allowed_names" });
      expect(audited(at)[0]?.fields).toMatchObject({
        response_code: 403,
        asked_by: { certificate: { name: "nexus" } },
      });
      expectError(await call(at.port, { ...as(client), path: "/healthz" }), { status: 403 });
    },
  );

  test("with names is not misled by a name that looks like several", async () => {
    const at = await mutual(named("nexus"));
    expectError(await put(at.port, as(signed(ca, "/CN=a, DNS:nexus"))), { status: 403 });
    // As Node writes a URI with a comma and quotation marks in it.
    const list = String.raw`DNS:a, URI:"http://x/\", DNS:nexus", othername:<unsupported>, IP Address:FD00:0:0:0:0:0:0:1`;
    const { names } = clientCertificate({ subject: { CN: ["one", "two"] }, subjectaltname: list } as never);
    expect([...names]).toEqual(["one", "two", "a", 'http://x/", DNS:nexus', "fd00::1"]);
  });

  test("that hangs in its handshake is cut", async () => {
    const { port } = await served({ identity: identity(server), limits: limits({ handshakeMs: 100 }) });
    const socket = connectPlain(port, "127.0.0.1").on("error", () => {});
    socket.resume();
    await once(socket, "close");
    expect((await call(port, as())).status).toBe(200);
  });

  describe("told of other files", () => {
    test("serves a renewed certificate to connections to come, and those that are open go on", async () => {
      const at = await mutual();
      const before = await open(at);
      at.doors.follow({}, 10, identity(renewed, ca));
      const after = await open(at);
      const subject = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;
      expect([subject(before), subject(after)]).toEqual(["sled7", "sled7 renewed"]);
      expect(await ask(before)).toBe("HTTP/1.1 200 OK");
      expect(await ask(after)).toBe("HTTP/1.1 200 OK");
    });

    test("holds requests on open connections against the new names", async () => {
      const at = await mutual(named("nexus"));
      const socket = await open(at);
      expect(await ask(socket)).toBe("HTTP/1.1 200 OK");
      at.doors.follow(named("another"), 10, identity(server, ca));
      expect(await ask(socket)).toBe("HTTP/1.1 403 Forbidden");
    });

    test("closes connections of the former authority, lets none of it in again, and lets those of the new one in", async () => {
      const at = await mutual();
      const idle = await open(at);
      expect(await ask(idle)).toBe("HTTP/1.1 200 OK");
      const closed = once(idle, "close");
      at.doors.follow({}, 10, identity(server, otherCa));
      await closed;
      await expect(put(at.port, as(client))).rejects.toThrow();
      expectDone(await put(at.port, as(stranger)));
    });

    test("lets nobody in by a session that the former authority's certificate began", async () => {
      const at = await mutual();
      const first = connect({ port: at.port, host: "127.0.0.1", ...as(client).tls });
      onTestFinished(() => void first.destroy());
      const [session] = await once(first, "session");
      at.doors.follow({}, 10, identity(server, otherCa));
      const resumed = connect({ port: at.port, host: "127.0.0.1", ca: ca.cert, session });
      onTestFinished(() => void resumed.destroy());
      resumed.resume().write(`GET ${M2P} HTTP/1.1\r\nhost: sled\r\n\r\n`);
      await expect(once(resumed, "close")).rejects.toThrow("certificate required");
      await vi.waitFor(() => expect(at.sled.log.records.map((one) => one.message)).toContain("TLS handshake failed"));
    });

    test("answers what is under way on a connection of the former authority, and then ends it", async () => {
      const at = await mutual();
      const letGo = at.sled.hold("SetMcast2Phys");
      const answer = put(at.port, as(client));
      await vi.waitFor(() => expect(at.sled.agent.status().driver.busyWith?.command).toBe("SetMcast2Phys"));
      at.doors.follow({}, 10, identity(server, otherCa));
      letGo();
      expectDone(await answer);
    });

    test("breaks off the events of a client that the former authority signed", async () => {
      const at = await mutual();
      const socket = await open(at);
      socket.write("GET /multicast/events HTTP/1.1\r\nhost: sled\r\n\r\n");
      await once(socket, "data");
      const closed = once(socket, "close");
      at.doors.follow({}, 10, identity(server, otherCa));
      await closed;
      expect(socket.destroyed).toBe(true);
    });

    test("breaks off such events also where the client asked for something else behind them", async () => {
      const at = await mutual();
      const socket = await open(at);
      const asked = `GET ${M2P} HTTP/1.1\r\nhost: sled\r\n\r\n`;
      socket.write(`GET /multicast/events HTTP/1.1\r\nhost: sled\r\n\r\n${asked}`);
      await once(socket, "data");
      const closed = once(socket, "close");
      at.doors.follow({}, 10, identity(server, otherCa));
      await closed;
      expect(socket.destroyed).toBe(true);
    });

    test("breaks off handshakes that are under way, which would be held against the former authority", async () => {
      const at = await served({ identity: identity(server, ca), limits: limits({ handshakeMs: 600_000 }) });
      const socket = connectPlain(at.port, "127.0.0.1");
      const accepted = () => promisify(at.sled.app.server.getConnections.bind(at.sled.app.server))();
      await vi.waitFor(async () => expect(await accepted()).toBe(1));
      const closed = once(socket.resume(), "close");
      at.doors.follow({}, 10, identity(server, otherCa));
      await closed;
      expect(socket.destroyed).toBe(true);
    });

    test("breaks off the events of a client whose name is not allowed any more, and of no other", async () => {
      const at = await mutual(named("nexus", "bob"));
      const bob = signed(ca, "/CN=bob");
      const [going, staying] = [await open(at, bob), await open(at)];
      for (const socket of [going, staying]) {
        socket.write("GET /multicast/events HTTP/1.1\r\nhost: sled\r\n\r\n");
        await once(socket, "data");
      }
      const closed = once(going, "close");
      at.doors.follow(named("nexus"), 10, identity(server, ca));
      await closed;
      expectDone(await put(at.port, as(client)));
      expect(String((await once(staying, "data"))[0])).toContain("event: ");
    });
  });

  test("refuses who comes on a connection that has outlived its certificate, and ends it", async () => {
    const at = await mutual();
    const socket = await open(at);
    expect(await ask(socket)).toBe("HTTP/1.1 200 OK");
    const closed = once(socket, "close");
    const clock = vi.spyOn(Date, "now").mockReturnValue(Date.parse("2100-01-01"));
    onTestFinished(() => clock.mockRestore());
    expect(await ask(socket)).toBe("HTTP/1.1 403 Forbidden");
    await closed;
    expect(socket.destroyed).toBe(true);
  });

  describe("is refused with", () => {
    const pem = (key: string, text: string) => ({ key, file: `/etc/${key}.pem`, text });

    test("a key of another certificate, naming both files", () => {
      const make = () => tlsIdentity(pem("tls.cert", server.cert), pem("tls.key", client.key), undefined);
      expect(make).toThrow("tls.key: /etc/tls.key.pem is not the key of the certificate in /etc/tls.cert.pem");
    });

    test.each(["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])(
      "a certificate or an authority that is not PEM, naming its file (%#)",
      (text) => {
        const [cert, key] = [pem("tls.cert", server.cert), pem("tls.key", server.key)];
        expect(() => tlsIdentity(pem("tls.cert", text), key, undefined)).toThrow(
          /^tls\.cert: \/etc\/tls\.cert\.pem is no certificate in PEM/,
        );
        expect(() => tlsIdentity(cert, key, pem("tls.ca", text))).toThrow(/^tls\.ca: \/etc\/tls\.ca\.pem is no/);
      },
    );

    test("a key that is not PEM, saying nothing of what is in the file", () => {
      const make = () => tlsIdentity(pem("tls.cert", server.cert), pem("tls.key", "very secret"), undefined);
      expect(make).toThrow(/^tls\.key: \/etc\/tls\.key\.pem is no private key in PEM/);
      expect(make).not.toThrow("very secret");
    });
  });

  test("is served with a certificate that has expired, or is not valid yet, with a warning", () => {
    const [cert, key] = [server, server].map((one, i) => ({
      key: ["tls.cert", "tls.key"][i] ?? "",
      file: "f",
      text: i === 0 ? one.cert : one.key,
    })) as [TlsIdentity["cert"], TlsIdentity["cert"]];
    expect(tlsIdentity(cert, key, undefined).warnings).toEqual([]);
    const [late] = tlsIdentity(cert, key, undefined, Date.parse("2100-01-01")).warnings;
    expect(late).toMatch(/^tls\.cert: f: the certificate of CN=sled7 expired at /);
    const [early] = tlsIdentity(cert, key, undefined, Date.parse("2000-01-01")).warnings;
    expect(early).toMatch(/is not valid before /);
  });
});
