/** `sledcast drain` against an agent in this process: what it takes, in which order, and what it leaves. */
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AgentClient, AgentRefusal } from "../../src/cli/client.ts";
import { Context } from "../../src/cli/context.ts";
import { clearAll } from "../../src/cli/drain/clearing.ts";
import { describeHoldings, isEmpty, listHoldings } from "../../src/cli/drain/holdings.ts";
import { patiently } from "../../src/cli/drain/patience.ts";
import { confirm, drain } from "../../src/cli/drain.ts";
import { ensureBody, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { listen } from "../http/wire.ts";

let sled: Sled;
let client: AgentClient;
beforeEach(async () => {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }, { name: "other0" }] } });
  client = new AgentClient(`http://127.0.0.1:${await listen(sled)}`);
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.setMapping("239.1.1.2", "ff04::2");
  await sled.put(`/vmms/${propolis(1)}`, ensureBody());
  await sled.adopt(propolis(2), "guest0");
  for (const n of [1, 2]) await sled.join(propolis(n), "239.1.1.1");
  await client.call("PUT", "/networking/mcast-fwd", { underlay: "ff04::1", next_hops: [] });
});
afterEach(() => sled.close());

test("takes VMMs, forwarding and mappings, and leaves adopted and foreign ports in place", async () => {
  await sled.model.call("McastSubscribe", {
    port: "other0",
    group: "239.1.1.2" as never,
    filter: { mode: "exclude", sources: [] },
  });
  const before = await listHoldings(client);
  expect(before).toMatchObject({ vmms: [{ origin: "registered" }, { origin: "adopted" }], foreign: ["other0"] });
  expect(await clearAll(client, before)).toEqual([]);
  expect(isEmpty(await listHoldings(client))).toBe(true);
  expect(sled.ports).toEqual(["guest0", "other0"]);
  expect(sled.mappings).toEqual({});
  expect(sled.subscriptions).toEqual({ "ff04::2": { other0: "exclude()" } });
});

test("releases a configuration and clears what it had set", async () => {
  const config = { generation: 3, m2p: [{ group: "239.2.2.2", underlay: "ff04::9" }], forwarding: [] };
  await client.call("PUT", "/multicast/config", config);
  const before = await listHoldings(client);
  expect(before.generation).toBe(3);
  expect(await clearAll(client, before)).toEqual([]);
  expect(isEmpty(await listHoldings(client))).toBe(true);
});

test("takes members off before forwarding, and that before mappings", async () => {
  const order: string[] = [];
  const call = client.call.bind(client);
  client.call = (method, path, ...rest) => {
    if (method === "DELETE") order.push(path.replace(/\/[0-9a-f-]{36}$/, ""));
    return call(method, path, ...rest);
  };
  await clearAll(client, await listHoldings(client));
  expect(order).toEqual(["/vmms", "/vmms", "/networking/mcast-fwd", "/networking/mcast-m2p", "/networking/mcast-m2p"]);
});

test("goes on after a failure, and lists it in the agent's words", async () => {
  sled.fail("ClearMcastForwarding");
  const failures = await clearAll(client, await listHoldings(client));
  expect(failures).toEqual([
    {
      what: "forwarding",
      subject: "ff04::1",
      error: expect.stringMatching(/ClearMcastForwarding.+injected.+HTTP 503/),
    },
  ]);
  const left = await listHoldings(client);
  expect(left).toMatchObject({ vmms: [], mappings: [], entries: [{ underlay: "ff04::1" }] });
  expect(await clearAll(client, left)).toEqual([]);
  expect(isEmpty(await listHoldings(client))).toBe(true);
});

test("says which port of ours is busy, and is through when that is gone", async () => {
  sled.model.setPort({ name: "opte0", busy: true });
  await clearAll(client, await listHoldings(client));
  const left = await listHoldings(client);
  expect(left).toMatchObject({ vmms: [], leftOver: ["opte0"] });
  expect(describeHoldings(left)).toMatch(/ports that wait to be deleted +opte0/);
  sled.model.setPort({ name: "opte0", busy: false });
  await client.call("POST", "/multicast/audit");
  expect(isEmpty(await listHoldings(client))).toBe(true);
});

test("tells what failed also where the agent is gone before it is asked what is left", async () => {
  const context = new Context({ agent: "http://127.0.0.1:1", json: true });
  let isGone = false;
  context.client.call = async (method, ...rest) => {
    isGone ||= method === "DELETE";
    if (isGone) throw new AgentRefusal("nobody answers");
    return client.call(method, ...rest);
  };
  const printed: unknown[] = [];
  context.print = (value) => void printed.push(value);
  await expect(drain(context, { yes: true })).rejects.toThrow(
    /what is left could not be listed: nobody answers; .*again/,
  );
  expect(printed).toMatchObject([
    { left: null, failed: expect.arrayContaining([expect.objectContaining({ what: "VMM" })]) },
  ]);
});

test("waits where the agent says that it is asked too fast, and for nothing else", async () => {
  const answers = [new AgentRefusal("too fast", 429), new AgentRefusal("too fast", 429), "done"];
  const ask = async () => {
    const answer = answers.shift();
    if (answer instanceof AgentRefusal) throw answer;
    return answer;
  };
  expect(await patiently(ask, 1)).toBe("done");
  answers.push(new AgentRefusal("no", 409), "never asked");
  await expect(patiently(ask, 1)).rejects.toThrow("no");
});

describe("asking", () => {
  const answer = (text: string, end = false) => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const asked = confirm(input, output);
    if (end) input.end(text);
    else input.write(text);
    return asked;
  };

  test.each([
    ["yes\n", true],
    [" yes \n", true],
    ["y\n", false],
    ["no\n", false],
    ["\n", false],
  ])("%j is %s", async (text, expected) => {
    expect(await answer(text)).toBe(expected);
  });

  test("an input that ends is no yes", async () => {
    expect(await answer("", true)).toBe(false);
  });
});
