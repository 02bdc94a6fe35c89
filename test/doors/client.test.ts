/** The administrator's tool at closed doors: what it takes to come in, and what is said where it does not. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { AgentClient } from "../../src/cli/client.ts";
import { tlsIdentity } from "../../src/http/doors/tls-identity.ts";
import { authority, type Certificate, signed, skipTls } from "./certificates.ts";
import { MAPPING, served, tokens } from "./kit.ts";

const PATH = "/networking/mcast-m2p";
const TOKEN = "0123456789abcdef".repeat(2);

function file(content: string): string {
  const dir = mkdtempSync(path.join(tmpdir(), "client-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const made = path.join(dir, "file");
  writeFileSync(made, content);
  return made;
}

describe("a token", () => {
  const behind = async () => {
    const { port } = await served({ rules: { tokens: tokens(`ops ${TOKEN}`) } });
    return `http://127.0.0.1:${port}`;
  };

  test("is the first of --token-file, which may be the daemon's own, also where events are followed", async () => {
    const tokenFile = file(`# who may ask\n\nops ${TOKEN}\nother ${"x".repeat(32)}\n`);
    const client = new AgentClient(await behind(), { tokenFile });
    await client.call("PUT", PATH, MAPPING);
    expect(await client.call("GET", PATH)).toEqual([MAPPING]);
    for await (const text of await client.stream("/multicast/events", {})) {
      expect(text).toContain("events of this sled");
      break;
    }
  });

  test("that is missing or unknown is told with the way out, and not with the token", async () => {
    const agent = await behind();
    await expect(new AgentClient(agent).call("GET", PATH)).rejects.toThrow(/HTTP 401.*--token-file names a file/);
    const unknown = new AgentClient(agent, { tokenFile: file("y".repeat(40)) }).call("GET", PATH);
    await expect(unknown).rejects.toThrow(/HTTP 401.*--token-file names one with another token/);
    await expect(unknown).rejects.not.toThrow("yyyy");
  });

  test("in a file that has none, or is not there, is usage", async () => {
    const agent = await behind();
    expect(() => new AgentClient(agent, { tokenFile: file("# none\n") })).toThrow(/^--token-file: .* has no token$/);
    expect(() => new AgentClient(agent, { tokenFile: "/nowhere" })).toThrow("--token-file: /nowhere cannot be read");
  });
});

test("an agent's address with a password in it is usage, and the password is not said", () => {
  for (const agent of ["http://ops:hunter2@[::1]:1", "https://:hunter2@sled", "http://hunter2@sled"]) {
    expect(() => new AgentClient(agent)).toThrow(/^--agent: .*--token-file/);
    expect(() => new AgentClient(agent)).not.toThrow("hunter2");
  }
});

describe.skipIf(skipTls)("https", () => {
  let ca: Certificate;
  let server: Certificate;
  let client: Certificate;
  let stranger: Certificate;
  beforeAll(() => {
    ca = authority("rack");
    server = signed(ca, "/CN=sled7", "IP:127.0.0.1");
    client = signed(ca, "/CN=ops");
    stranger = authority("stranger");
  });

  async function agent(mutual: boolean): Promise<string> {
    const pem = (key: string, name: string, text: string) => ({ key, file: name, text });
    const authorities = mutual ? pem("tls.ca", ca.certFile, ca.cert) : undefined;
    const own = [pem("tls.cert", server.certFile, server.cert), pem("tls.key", server.keyFile, server.key)] as const;
    const { port } = await served({ identity: tlsIdentity(...own, authorities) });
    return `https://127.0.0.1:${port}`;
  }
  const ask = (url: string, access: object) => new AgentClient(url, access).call("GET", PATH);

  test("is spoken with --ca, and with --cert and --key where the agent wants them", async () => {
    expect(await ask(await agent(false), { ca: ca.certFile })).toEqual([]);
    const own = { ca: ca.certFile, cert: client.certFile, key: client.keyFile };
    expect(await ask(await agent(true), own)).toEqual([]);
  });

  test("with an authority that is not known here is told with the way out", async () => {
    const url = await agent(false);
    await expect(ask(url, {})).rejects.toThrow(/--ca names the authority's file/);
    await expect(ask(url, { ca: stranger.certFile })).rejects.toThrow(/--ca names the authority's file/);
  });

  test("by a name that the certificate does not bear is told with the way out", async () => {
    const url = (await agent(false)).replace("127.0.0.1", "localhost");
    await expect(ask(url, { ca: ca.certFile })).rejects.toThrow(/for another name; call it in --agent by one/);
  });

  test("without the certificate that the agent wants is told with the way out", async () => {
    await expect(ask(await agent(true), { ca: ca.certFile })).rejects.toThrow(/--cert and --key name one/);
  });

  test("with a certificate that the agent does not take is told with what may be the reason", async () => {
    const access = { ca: ca.certFile, cert: stranger.certFile, key: stranger.keyFile };
    await expect(ask(await agent(true), access)).rejects.toThrow(/does not know the authority of --cert/);
  });

  test("where HTTP is, and HTTP where https is, is told", async () => {
    const { port } = await served();
    await expect(ask(`https://127.0.0.1:${port}`, {})).rejects.toThrow(/speaks no TLS there; is it http:/);
    const url = await agent(false);
    await expect(ask(url.replace("https", "http"), {})).rejects.toThrow(/serves https:\/\/ there/);
  });

  test("with files that cannot be used is usage", async () => {
    const url = await agent(false);
    await expect(async () => ask(url, { ca: "/nowhere" })).rejects.toThrow("--ca: /nowhere cannot be read");
    await expect(async () => ask(url, { cert: client.certFile })).rejects.toThrow("--key: is required with --cert");
    const mixed = { ca: ca.certFile, cert: client.certFile, key: server.keyFile };
    await expect(ask(url, mixed)).rejects.toMatchObject({ kind: "bad-request", message: /--key is not the key/ });
  });
});
