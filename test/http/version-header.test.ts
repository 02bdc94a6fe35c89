/** The `api-version` header: sled-agent-api.md §3.2, as product.md changes it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensureBody, PROPOLIS } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { expectDone, expectError, expectRefused } from "./expect.ts";
import { FWD, M2P, MEMBERSHIP, STATE, VMM } from "./populated.ts";
import { listen, send } from "./wire.ts";

const MAPPING = { group: "239.1.1.1", underlay: "ff04::1" };
const OLDER = ["48.0.0", "48.7.3", "48.999.999", "47.3.9", "7.0.0", "1.0.0", "0.0.0"];
const NO_VERSION = ["49", "49.0", "v49.0.0", "=49.0.0", "49.0.0.0", "049.0.0", "49.0.x", "49.0.0-", "latest", ""];

let sled: Sled;
beforeEach(async () => {
  sled = await Sled.start();
});
afterEach(() => sled.close());

const as = (version: string) => ({ "api-version": version });

describe("on the original's paths", () => {
  test("a request without the header is served as the newest version", async () => {
    expectDone(await sled.put(M2P, MAPPING));
    expect((await sled.get(M2P)).body).toEqual([MAPPING]);
  });

  test("49.0.0 is served", async () => {
    expectDone(await sled.put(M2P, MAPPING, as("49.0.0")));
    expect((await sled.get(M2P, as("49.0.0"))).body).toEqual([MAPPING]);
  });

  test.each(NO_VERSION)("%j is not a version: 400 that names the header", async (version) => {
    await expectRefused(sled, () => sled.put(M2P, MAPPING, as(version)), "api-version");
  });

  test.each(["49.0.1", "49.1.0", "50.0.0", "50.0.0-rc.1", "4294967296.0.0"])(
    "%s is newer than we are: 400",
    async (v) => {
      await expectRefused(sled, () => sled.put(M2P, MAPPING, as(v)));
    },
  );

  test("a newer version is named in the message", async () => {
    expectError(await sled.get(M2P, as("50.0.0")), { status: 400, names: "50.0.0" });
  });

  test("a value that is not ASCII is 400 and names the header", async () => {
    const port = await listen(sled);
    expectError(await send(port, `GET ${M2P}`, ["api-version: 49.0.\u00e9"]), { status: 400, names: "api-version" });
  });

  test.each(OLDER)("%s has no mappings and no forwarding: 404", async (version) => {
    for (const path of [M2P, FWD]) {
      for (const method of ["GET", "PUT", "DELETE", "POST"]) {
        expectError(await sled.request(method, path, MAPPING, as(version)), { status: 404 });
      }
    }
    expect(sled.mappings).toEqual({});
  });

  test.each(["49.0.0-x", "49.0.0-rc.1", "49.0.0-0"])("%s sorts below 49.0.0, so it has no mappings: 404", async (v) => {
    expectError(await sled.get(M2P, as(v)), { status: 404 });
  });

  test.each([...OLDER, "49.0.0-x"])("%s has the path of a VMM's state but not the method: 405", async (version) => {
    expectError(await sled.request("POST", STATE, undefined, as(version)), { status: 405 });
  });

  test.each([...OLDER, "49.0.0-x", "49.0.0"])("registration takes the v49 body at %s", async (version) => {
    expect((await sled.put(VMM, ensureBody(), as(version))).status).toBe(200);
    expect((await sled.get(STATE, as(version))).status).toBe(200);
    expect((await sled.delete(VMM, undefined, as(version))).status).toBe(200);
  });

  test("a refused version wins over a bad id and a bad body", async () => {
    const answer = await sled.put("/vmms/nobody/multicast-group", "{", as("50.0.0"));
    expectError(answer, { status: 400, names: "50.0.0" });
  });

  test("the answer does not repeat the version", async () => {
    for (const version of ["49.0.0", "48.0.0", "50.0.0"]) {
      expect((await sled.get(M2P, as(version))).headers).not.toHaveProperty("api-version");
    }
  });
});

describe("sent on a socket", () => {
  test("the header's name is read in any case", async () => {
    const port = await listen(sled);
    expectError(await send(port, `GET ${M2P}`, ["API-Version: 48.0.0"]), { status: 404 });
  });

  test.each([
    ["49.0.0", "nonsense", 200],
    ["49.0.0", "48.0.0", 200],
    ["48.0.0", "49.0.0", 404],
    ["nonsense", "49.0.0", 400],
  ])("of two headers, %s and %s, the first counts: %i", async (first, second, status) => {
    const port = await listen(sled);
    const answer = await send(port, `GET ${M2P}`, [`api-version: ${first}`, `api-version: ${second}`]);
    expect(answer.status).toBe(status);
  });

  test("two versions in one header are no version: 400", async () => {
    const port = await listen(sled);
    const answer = await send(port, `GET ${M2P}`, ["api-version: 49.0.0, 48.0.0"]);
    expectError(answer, { status: 400, names: "api-version" });
  });
});

describe("on a path that does not exist", () => {
  test("no header, a good one and an old one are 404", async () => {
    for (const headers of [{}, as("49.0.0"), as("1.0.0")]) {
      expectError(await sled.get("/nothing/here", headers), { status: 404 });
    }
  });

  test.each(["nonsense", "50.0.0"])("%s is 400, before the path is looked at", async (version) => {
    expectError(await sled.get("/nothing/here", as(version)), { status: 400 });
  });
});

describe("on our own paths", () => {
  const IGNORED = ["nonsense", "50.0.0", "1.0.0"];

  test.each([
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/vmms",
    "/networking/mcast-subs",
    "/networking/mcast-filters",
    "/networking/ports",
    "/multicast/status",
  ])("GET %s ignores the header", async (path) => {
    for (const version of IGNORED) expect((await sled.get(path, as(version))).status).toBe(200);
  });

  test("POST /multicast/audit ignores the header", async () => {
    for (const version of IGNORED) {
      expect((await sled.request("POST", "/multicast/audit", undefined, as(version))).status).toBe(200);
    }
  });

  test("GET of a VMM's memberships is ours and ignores the header, although PUT and DELETE do not", async () => {
    await sled.put(VMM, ensureBody());
    for (const version of IGNORED) expect((await sled.get(MEMBERSHIP, as(version))).status).toBe(200);
  });

  test("adopting ports ignores the header", async () => {
    const body = { ports: ["no-such-port"], primary: "no-such-port" };
    for (const version of IGNORED) {
      expectError(await sled.put(`/vmms/${PROPOLIS}/ports`, body, as(version)), { status: 404 });
    }
  });

  test.each(IGNORED)(
    "a method that such a path does not have is 405, whatever the header says (%s)",
    async (version) => {
      expectError(await sled.request("POST", "/healthz", undefined, as(version)), { status: 405 });
    },
  );
});
