/** The model's tables in a file: what the kernel would keep while the agent restarts. */
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Journal } from "../../src/opte/model/journal.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { FirewallRule } from "../../src/opte/types.ts";
import { ip } from "../net/make.ts";
import { mapping, ownFolder, port, refusal, subscription } from "./kit.ts";
import { bytesOf, STEPS, step, tablesIn, tablesOf } from "./steps.ts";

const ALLOW: FirewallRule = {
  direction: "in",
  hosts: { type: "any" },
  protocol: { type: "any" },
  ports: "any",
  action: "allow",
  priority: 1,
};

const newFile = () => join(ownFolder(), "state");

describe("the state file", () => {
  it("brings back what any commands left, refused ones included", async () => {
    const folder = ownFolder();
    let runs = 0;
    const steps = fc.array(fc.nat(STEPS - 1), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, steps, async (first, second) => {
        const state = join(folder, `state-${runs++}`);
        const reference = new DriverModel();
        for (const row of [first, second]) {
          const model = new DriverModel({ state });
          for (const n of row) {
            await step(model, n);
            await step(reference, n);
          }
          await model.close();
        }
        expect(await tablesIn(() => new DriverModel({ state }))).toEqual(tablesOf(reference));
      }),
    );
  });

  it("has no companions in its folder, neither while it is used nor after", async () => {
    const folder = ownFolder();
    const model = new DriverModel({ state: join(folder, "state") });
    const seen = new Set<string>();
    for (let n = 0; n < 2 * STEPS; n++) {
      await step(model, n, 1000);
      for (const name of readdirSync(folder)) seen.add(name);
    }
    await model.close();
    expect([...seen, ...readdirSync(folder)]).toEqual(["state", "state"]);
  });

  it("is said to carry the model", () => {
    const state = newFile();
    expect(new DriverModel({ state }).info).toEqual({ kind: "model", apiVersion: 41, through: state });
  });

  it("remembers that the underlay was cleared", async () => {
    const state = newFile();
    const model = new DriverModel({ state });
    await model.call("ClearXdeUnderlay", undefined);
    await model.close();
    expect(new DriverModel({ state }).tables.underlay).toBeNull();
  });

  it("remembers which underlay devices were set, whatever the next start is told", async () => {
    const state = newFile();
    await new DriverModel({ state, underlay: ["a0", "a1"] }).close();
    expect(new DriverModel({ state, underlay: ["b0", "b1"] }).tables.underlay).toEqual(["a0", "a1"]);
  });

  it("remembers the subscriptions that a failed delete of a busy port lost", async () => {
    const state = newFile();
    const model = new DriverModel({ state });
    await model.call("CreateXde", port(0));
    await model.call("McastSubscribe", subscription("opte0", "ff04::5"));
    model.setPort({ name: "opte0", busy: true });
    await refusal(model.call("DeleteXde", { name: "opte0" }));
    await model.close();
    const again = new DriverModel({ state });
    expect(again.tables.ports).toHaveLength(1);
    expect(again.tables.subscriptions).toEqual([]);
  });

  it("remembers what a guest did to a port", async () => {
    const state = newFile();
    const model = new DriverModel({ state });
    await model.call("CreateXde", port(0));
    model.setPort({ name: "opte0", state: "running", busy: true });
    await model.close();
    expect(new DriverModel({ state }).tables.ports[0]).toMatchObject({ state: "running", busy: true });
  });

  it("remembers a command whose caller was told that it failed", async () => {
    const state = newFile();
    const model = new DriverModel({ state });
    model.faults.inject({ when: "after", error: () => new Error("injected") });
    await expect(model.call("SetMcast2Phys", mapping("239.1.1.1", "ff04::1"))).rejects.toThrow("injected");
    await model.close();
    expect(new DriverModel({ state }).tables.m2p).toHaveLength(1);
  });

  it("does not grow by reads", async () => {
    const state = newFile();
    const model = new DriverModel({ state });
    const before = statSync(state).size;
    for (const command of ["ListPorts", "DumpMcast2Phys", "DumpMcastForwarding", "DumpMcastSubscriptions"] as const) {
      await model.call(command, undefined);
    }
    expect(statSync(state).size).toBe(before);
  });

  it("can be opened again after a command that panics the kernel", async () => {
    const state = newFile();
    const model = new DriverModel({ state, underlay: false });
    await model.call("SetMcast2Phys", mapping("239.1.1.1", "ff04::1"));
    await model.call("McastUnsubscribeAll", { group: ip("239.1.1.1") }).catch(() => undefined);
    await model.close();
    expect(() => new DriverModel({ state })).not.toThrow();
  });
});

describe("a state file of before there were rule ids and prefixes at the boundary", () => {
  it("is taken up: rules are counted as they stand, and nothing is behind the boundary", async () => {
    const state = newFile();
    const model = new DriverModel();
    await model.call("CreateXde", port(0));
    await model.call("SetFwRules", { port: "opte0", rules: [ALLOW, { ...ALLOW, direction: "out" }, ALLOW] });
    const { v2b: _v2b, ports, ...before } = model.tables;
    const { journal } = Journal.open(state);
    journal.compact({ ...before, ports: ports.map(({ layers: _layers, ...rest }) => rest) });
    journal.close();
    const again = new DriverModel({ state });
    expect(tablesOf(again)).toEqual(tablesOf(model));
    expect(again.tables.ports[0]?.layers).toMatchObject({ firewall: [0, 0, 1], next: { in: 2, out: 1, route: 1 } });
  });
});

describe("a reboot", () => {
  it("is deleting the state file: the tables are empty and the underlay is set", async () => {
    const state = newFile();
    const model = new DriverModel({ state });
    for (let n = 0; n < 40; n++) await step(model, n);
    await model.close();
    rmSync(state);
    expect(await tablesIn(() => new DriverModel({ state }))).toEqual(tablesOf(new DriverModel()));
  });

  it("is what a file of no bytes is, too", async () => {
    const state = newFile();
    writeFileSync(state, "");
    expect(await tablesIn(() => new DriverModel({ state }))).toEqual(tablesOf(new DriverModel()));
  });
});

describe("a file that is not a state file", () => {
  const CONTENTS: Readonly<Record<string, string | Buffer>> = {
    "a word": "hello",
    "a line longer than the header": `${"x".repeat(200)}\n`,
    "64 zero bytes": Buffer.alloc(64),
    JSON: JSON.stringify({ underlay: null, ports: [] }),
    "a state file of a later format": `${"sledcast-model 2 0 64".padEnd(63)}\n`,
    "half a header": "sledcast-model 1 ",
    "a single newline": "\n",
  };

  it.each(Object.entries(CONTENTS))("is refused and left untouched: %s", (_name, content) => {
    const state = newFile();
    writeFileSync(state, content);
    utimesSync(state, 1, 1);
    expect(() => new DriverModel({ state })).toThrow(expect.objectContaining({ kind: "bad-request" }));
    expect(bytesOf(state)).toEqual(Buffer.from(content));
    expect(statSync(state).mtimeMs).toBe(1000);
  });

  it("is refused and left untouched whatever bytes it has", () => {
    const state = newFile();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (content) => {
        writeFileSync(state, content);
        expect(() => new DriverModel({ state })).toThrow(/not a state file/);
        expect(bytesOf(state)).toEqual(Buffer.from(content));
      }),
    );
  });

  it("is refused where it is a folder, and named", () => {
    const state = newFile();
    mkdirSync(state);
    expect(() => new DriverModel({ state })).toThrow(
      expect.objectContaining({ kind: "bad-request", message: expect.stringContaining(state) }),
    );
  });

  it("is refused where its folder does not exist", () => {
    const state = join(newFile(), "deeper");
    expect(() => new DriverModel({ state })).toThrow(expect.objectContaining({ kind: "bad-request" }));
  });
});
