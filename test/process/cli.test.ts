/** sledcast as a person uses it, against a real daemon. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLI, Daemon, run } from "./daemon.ts";

const ID = "bbbbbbbb-0000-4000-8000-000000000042";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await Daemon.ready("--model-port", "guest0", "--model-port", "guest1,200,a8:40:25:0:0:9,10.0.0.9");
});
afterAll(() => daemon.stop());

const sledcast = (...args: string[]) => run(CLI, args, { SLEDCAST_AGENT: daemon.url });

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await sledcast(...args);
  expect({ code, stderr }, args.join(" ")).toEqual({ code: 0, stderr: "" });
  return stdout;
}

describe("in the order of a day's work", () => {
  test("maps a group and lists it", async () => {
    expect(await ok("m2p", "list")).toBe("none\n");
    await ok("m2p", "set", "239.1.1.1", "ff04::1");
    expect(await ok("m2p", "list")).toBe("GROUP      UNDERLAY\n239.1.1.1  ff04::1\n");
  });

  test("sets forwarding and lists it", async () => {
    await ok("fwd", "set", "ff04::1", "--hop", "fd00::9", "--hop", "fd00::a,both,include,10.0.0.1,10.0.0.2");
    expect((await ok("fwd", "list")).split("\n").map((line) => line.split(/\s{2,}/))).toEqual([
      ["UNDERLAY", "NEXT HOP", "REPLICATION", "SOURCES"],
      ["ff04::1", "fd00::9", "underlay", "EXCLUDE() (any)"],
      ["ff04::1", "fd00::a", "both", "INCLUDE(10.0.0.1, 10.0.0.2)"],
      [""],
    ]);
  });

  test("adopts ports, joins, and shows the VMM", async () => {
    await ok("vmm", "adopt", ID, "guest0", "guest1", "--primary", "guest1");
    await ok("join", ID, "239.1.1.1", "10.0.0.5");
    await ok("join", ID, "239.1.1.2");
    const shown = await ok("vmm", "show", ID);
    expect(await ok("vmm", "show", ID.replaceAll("-", ""))).toBe(shown);
    expect(shown).toContain("guest0, guest1*");
    expect(shown).toMatch(/239\.1\.1\.1 +10\.0\.0\.5 +applied/);
    expect(shown).toMatch(/239\.1\.1\.2 +any +pending +group 239\.1\.1\.2 has no M2P mapping yet/);
  });

  test("lists subscriptions, filters, ports and VMMs", async () => {
    expect(await ok("subs", "list")).toMatch(/ff04::1 +guest1 +INCLUDE\(10\.0\.0\.5\)/);
    expect(await ok("filters", "list")).toMatch(/ff04::1 +239\.1\.1\.1/);
    expect(await ok("ports", "list")).toMatch(/guest1 +a8:40:25:00:00:09 +200 +10\.0\.0\.9 +ready +adopted/);
    expect(await ok("vmm", "list")).toMatch(new RegExp(`${ID} +adopted +running`));
  });

  test("says how the agent is, for people and for programs", async () => {
    expect(await ok("status")).toMatch(/memberships pending +1/);
    expect(JSON.parse(await ok("--json", "status"))).toMatchObject({ counts: { mappings: 1, memberships: 2 } });
    expect(JSON.parse(await ok("vmm", "show", ID, "--json"))).toMatchObject({
      memberships: [{ state: "applied" }, {}],
    });
    expect(await ok("audit")).toMatch(/^nothing found \(repair, /);
  });

  test("leaves, unregisters, clears", async () => {
    await ok("leave", ID, "239.1.1.1");
    expect(await ok("subs", "list")).toBe("none\n");
    expect(await ok("vmm", "unregister", ID)).toBe(`VMM ${ID} unregistered\n`);
    await ok("fwd", "clear", "ff04::1");
    await ok("m2p", "clear", "239.1.1.1", "ff04::1");
    expect(JSON.parse(await ok("--json", "m2p", "list"))).toEqual([]);
  });
});

describe("what goes wrong", () => {
  test("a refusal is the agent's own words on stderr and exit 1", async () => {
    const { code, stdout, stderr } = await sledcast("m2p", "set", "10.0.0.1", "ff04::1");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^sledcast: group: 10\.0\.0\.1 is not a multicast address \(HTTP 400, request [0-9a-f-]{36}\)\n$/,
    );
  });

  test.each([
    ["an unknown command", ["frobnicate"]],
    ["a missing argument", ["m2p", "set", "239.1.1.1"]],
    ["an unknown flag", ["status", "--loud"]],
    ["forwarding without a hop", ["fwd", "set", "ff04::1"]],
    ["an agent with a path", ["--agent", "http://127.0.0.1:1/v1", "status"]],
    ["an event's number that none can have", ["watch", "--since", "99999999999999999999"]],
    ["a hop without an address", ["fwd", "set", "ff04::1", "--hop", ""]],
    ["an agent that is not a URL", ["--agent", "nowhere", "status"]],
  ])("%s is usage: exit 2 and a word on stderr", async (_what, args) => {
    const { code, stdout, stderr } = await sledcast(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).not.toBe("");
  });

  test("no agent is exit 1 and says where it was looked for", async () => {
    const { code, stderr } = await sledcast("--agent", "http://127.0.0.1:1", "status");
    expect(code).toBe(1);
    expect(stderr).toContain("http://127.0.0.1:1");
    expect(stderr).toContain("sledcastd");
  });
});

test("--help teaches with examples", async () => {
  const help = await ok("--help");
  expect(help).toContain("Examples:");
  expect(help).toContain("Exit status");
});
