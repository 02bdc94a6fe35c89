/** Paths and methods: sled-agent-api.md §3.1. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROPOLIS } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { changingNothing, expectError } from "./expect.ts";
import { FWD, M2P, MEMBERSHIP, populatedSled, STATE, VMM } from "./populated.ts";
import { listen, send } from "./wire.ts";

let sled: Sled;
let port: number;
beforeEach(async () => {
  sled = await populatedSled();
  port = await listen(sled);
});
afterEach(() => sled.close());

describe("a path", () => {
  test.each([
    "//networking/mcast-m2p",
    "/networking//mcast-m2p",
    "/networking/mcast-m2p/",
    "///networking///mcast-m2p///",
    "//networking/mcast-m2p?x=//y",
  ])("does not mind empty segments: %s", async (path) => {
    expect((await send(port, `GET ${path}`)).status).toBe(200);
  });

  test.each(["/networking/mcast%2Dm2p", "/%6eetworking/mcast-m2p", `/vmms/%62${PROPOLIS.slice(1)}/state`])(
    "is percent-decoded segment by segment: %s",
    async (path) => {
      expect((await send(port, `GET ${path}`)).status).toBe(200);
    },
  );

  test("is not split at an encoded slash", async () => {
    expectError(await send(port, "GET /networking%2Fmcast-m2p"), { status: 404 });
  });

  test.each([
    "/networking/./mcast-m2p",
    "/networking/../networking/mcast-m2p",
    "/networking/mcast-m2p/.",
    "/networking/mcast-m2p/..",
    "/networking/%2e/mcast-m2p",
    "/networking/%2E%2e/mcast-m2p",
    "/networking/.%2e/mcast-m2p",
    "/nothing/../here",
    "/vmms/../state",
    "/healthz/.",
  ])("with a dot segment is 400: %s", async (path) => {
    expectError(await send(port, `GET ${path}`), { status: 400 });
  });

  test.each(["/networking/...", "/networking/.mcast-m2p", "/networking/mcast-m2p."])(
    "may have dots in a segment, which makes it another path: %s",
    async (path) => {
      expectError(await send(port, `GET ${path}`), { status: 404 });
    },
  );

  test.each([
    "/networking/%",
    "/networking/%2",
    "/networking/%zz",
    "/networking/%ff",
    "/vmms/%c3%28/state",
    "/%ed%a0%80",
  ])("that does not decode to UTF-8 is 400: %s", async (path) => {
    expectError(await send(port, `GET ${path}`), { status: 400 });
  });

  test.each(["/networking/%zz", "/networking/..", "/networking/mcast-m2p/%ff"])(
    "that cannot be read is looked at after the version header: %s",
    async (path) => {
      expectError(await send(port, `GET ${path}`, ["api-version: 50.0.0"]), { status: 400, names: "50.0.0" });
    },
  );

  test("that cannot be read is refused before its method is looked at", async () => {
    expectError(await send(port, "PATCH /networking/../networking/mcast-m2p"), { status: 400 });
  });

  test.each([
    "/networking/mcast-m2p?",
    "/networking/mcast-m2p?limit=1",
    "/networking/mcast-m2p?x=%zz",
    "/networking/mcast-m2p?..",
  ])("ends at the question mark, and what follows does not matter: %s", async (path) => {
    expect((await send(port, `GET ${path}`)).status).toBe(200);
  });

  test("may come with scheme and authority, as a proxy sends it", async () => {
    expect((await send(port, `GET http://sled:12345${M2P}`)).status).toBe(200);
  });

  test.each([
    "/",
    "/networking",
    "/Networking/mcast-m2p",
    "/networking/mcast-m2p/more",
    "/networking/mcast",
    "/networking/mcast-m2p;x",
    `${VMM}/nothing`,
    "/vmms/nobody/nothing",
    "/docs/nothing/here",
    "http://sled:12345",
  ])("that does not exist is 404 without a code: %s", async (path) => {
    expectError(await send(port, `GET ${path}`), { status: 404 });
  });
});

describe("a method that the path does not have", () => {
  const refused = async (method: string, path: string, headers: string[] = []) =>
    changingNothing(sled, () => send(port, `${method} ${path}`, headers));
  const allowed = (headers: Readonly<Record<string, string | string[]>>) => [headers.allow ?? []].flat().sort();

  test.each([
    ["POST", M2P, ["DELETE", "GET", "PUT"]],
    ["PATCH", FWD, ["DELETE", "GET", "PUT"]],
    ["POST", STATE, ["GET", "PUT"]],
    ["DELETE", STATE, ["GET", "PUT"]],
    ["GET", VMM, ["DELETE", "PUT"]],
    ["POST", MEMBERSHIP, ["DELETE", "GET", "PUT"]],
    ["PUT", "/healthz", ["GET"]],
    ["GET", "/multicast/audit", ["POST"]],
    ["TRACE", M2P, ["DELETE", "GET", "PUT"]],
    ["PROPFIND", M2P, ["DELETE", "GET", "PUT"]],
  ])("is 405 with one allow line for each that it has: %s %s", async (method, path, methods) => {
    const answer = await refused(method, path);
    expectError(answer, { status: 405 });
    expect(allowed(answer.headers)).toEqual(methods);
  });

  test("has the methods of any version in its allow lines, each once", async () => {
    const answer = await refused("POST", MEMBERSHIP, ["api-version: 48.0.0"]);
    expectError(answer, { status: 405 });
    expect(allowed(answer.headers)).toEqual(["DELETE", "GET", "PUT"]);
  });

  test.each([M2P, FWD, STATE, "/healthz", "/vmms"])("HEAD is not made of GET: %s", async (path) => {
    const answer = await refused("HEAD", path);
    expect(answer.status).toBe(405);
    expect(answer.text).toBe("");
    expect(allowed(answer.headers)).toContain("GET");
  });

  test.each([M2P, VMM, "/healthz"])("OPTIONS is not answered for a path: %s", async (path) => {
    expectError(await refused("OPTIONS", path), { status: 405 });
  });

  test("is 404 on a path that no version has", async () => {
    for (const method of ["POST", "OPTIONS", "DELETE", "PROPFIND"]) {
      expectError(await refused(method, "/nothing"), { status: 404 });
    }
  });

  test("wins over a bad id and a body that cannot be read", async () => {
    expectError(await send(port, "POST /vmms/nobody/state", ["content-type: text/plain"], "{"), { status: 405 });
  });

  test("in lower case is no method to Node's parser, and is refused in the form of every error", async () => {
    // The original compares methods upper-cased; HTTP says that they are case-sensitive (RFC 9110 §9.1).
    const mapping = JSON.stringify({ group: "239.2.2.2", underlay: "ff04::2" });
    expectError(await send(port, `put ${M2P}`, [], mapping), { status: 400 });
  });
});
