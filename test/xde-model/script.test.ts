/** Orders to a running model: what each does, and which are refused without effect. */
import { describe, expect, it } from "vitest";
import { DriverModel } from "../../src/opte/model/model.ts";
import { CutOff, type Moods, obey } from "../../src/xde-model/script.ts";
import { mapping, port, refusal } from "../opte/kit.ts";

const MAPPING = mapping("239.1.1.1", "ff04::1");

function scripted() {
  const model = new DriverModel();
  const moods: Moods = { version: 41, openFails: undefined };
  const set = () => model.call("SetMcast2Phys", MAPPING);
  return { model, moods, set, order: (what: unknown) => obey(model, moods, what) };
}

describe("an order", () => {
  it("for the tables is answered with them", async () => {
    const { order, set } = scripted();
    await set();
    expect(order({ order: "tables" })).toMatchObject({ underlay: ["net0", "net1"], m2p: [MAPPING] });
  });

  it("to fail strikes the next call of that command, once, before its effect", async () => {
    const { model, order, set } = scripted();
    expect(order({ order: "fail", command: "SetMcast2Phys", errno: "EBUSY" })).toEqual({});
    await model.call("ListPorts", undefined);
    expect(await refusal(set())).toMatchObject({ variant: "System", errno: 16 });
    expect(model.tables.m2p).toEqual([]);
    await set();
    expect(model.tables.m2p).toHaveLength(1);
  });

  it("to fail is EIO where no errno is said, and strikes any command where none is", async () => {
    const { model, order } = scripted();
    order({ order: "fail" });
    expect(await refusal(model.call("ListPorts", undefined))).toMatchObject({ errno: 5 });
  });

  it("to fail after the effect leaves the effect", async () => {
    const { model, order, set } = scripted();
    order({ order: "fail", command: "SetMcast2Phys", when: "after" });
    await refusal(set());
    expect(model.tables.m2p).toHaveLength(1);
  });

  it("to fail lets as many pass, and strikes as many, as it says", async () => {
    const { order, set } = scripted();
    order({ order: "fail", command: "SetMcast2Phys", skip: 1, times: 2 });
    const outcomes = [];
    for (let n = 0; n < 4; n++)
      outcomes.push(
        await set().then(
          () => "done",
          () => "failed",
        ),
      );
    expect(outcomes).toEqual(["done", "failed", "failed", "done"]);
  });

  it("to be slow answers all the same", async () => {
    const { model, order, set } = scripted();
    order({ order: "delay", command: "SetMcast2Phys", ms: 1 });
    expect(model.faults.pending).toBe(1);
    await set();
    expect(model.faults.pending).toBe(0);
    expect(model.tables.m2p).toHaveLength(1);
  });

  it("to cut off is no answer at all", async () => {
    const { order, set } = scripted();
    order({ order: "cut", command: "SetMcast2Phys" });
    await expect(set()).rejects.toBeInstanceOf(CutOff);
  });

  it("to clear the faults leaves none", async () => {
    const { model, order, set } = scripted();
    order({ order: "fail" });
    order({ order: "cut" });
    order({ order: "clear-faults" });
    await set();
    expect(model.faults.pending).toBe(0);
  });

  it("about open sets the errno that it fails with, and without one takes it back", () => {
    const { moods, order } = scripted();
    order({ order: "open", errno: "EPERM" });
    expect(moods.openFails).toBe("EPERM");
    order({ order: "open" });
    expect(moods.openFails).toBeUndefined();
  });

  it.each([38, 39, 40, 41])("about the API version sets it: %i", (version) => {
    const { moods, order } = scripted();
    order({ order: "api-version", version });
    expect(moods.version).toBe(version);
  });

  it("about a port sets what a guest and an operator do to it", async () => {
    const { model, order } = scripted();
    await model.call("CreateXde", port(0));
    order({ order: "port", name: "opte0", state: "running", busy: true });
    expect(model.tables.ports).toMatchObject([{ state: "running", busy: true }]);
    order({ order: "port", name: "opte0", busy: false });
    expect(model.tables.ports).toMatchObject([{ state: "running", busy: false }]);
  });
});

describe("an order that is no good is refused by its reason, and changes nothing:", () => {
  it.each<[unknown, RegExp]>([
    [undefined, /JSON object/],
    [null, /JSON object/],
    ["tables", /JSON object/],
    [{}, /undefined is not one of tables/],
    [[], /is not one of tables/],
    [{ order: "dance" }, /"dance" is not one of tables, fail/],
    [{ order: "constructor" }, /"constructor" is not one of/],
    [{ order: "fail", command: "Dance" }, /command: the model has no Dance/],
    [{ order: "fail", command: 5 }, /command must be a text/],
    [{ order: "fail", errno: "EDANCE" }, /errno: no errno EDANCE/],
    [{ order: "fail", errno: 5 }, /errno must be a text/],
    [{ order: "fail", when: "during" }, /when: during is neither/],
    [{ order: "fail", times: -1 }, /times must be a whole number/],
    [{ order: "fail", skip: 1.5 }, /skip must be a whole number/],
    [{ order: "fail", times: "2" }, /times must be a whole number/],
    [{ order: "delay", ms: -5 }, /ms must be a whole number/],
    [{ order: "delay", command: "Dance", ms: 5 }, /no Dance/],
    [{ order: "cut", command: "Dance" }, /no Dance/],
    [{ order: "open", errno: "EDANCE" }, /no errno EDANCE/],
    [{ order: "api-version" }, /38, 39, 40 and 41/],
    [{ order: "api-version", version: 37 }, /38, 39, 40 and 41/],
    [{ order: "api-version", version: "40" }, /whole number/],
    [{ order: "port" }, /no port undefined/],
    [{ order: "port", name: "opte9" }, /no port opte9/],
    [{ order: "port", name: "opte0", state: "asleep" }, /asleep is no state/],
    [{ order: "port", name: "opte0", busy: "yes" }, /busy must be true or false/],
    [{ order: "port", name: "opte0", state: "running", busy: 1 }, /busy must be/],
  ])("%j", async (what, words) => {
    const { model, moods, order } = scripted();
    await model.call("CreateXde", port(0));
    const before = { tables: model.tables, moods: { ...moods } };
    expect(() => order(what)).toThrow(words);
    expect({ tables: model.tables, moods }).toEqual(before);
    expect(model.faults.pending).toBe(0);
  });

  it("a command that the spoken version lacks", () => {
    const { model, order } = scripted();
    order({ order: "api-version", version: 39 });
    expect(() => order({ order: "fail", command: "DumpMcast2Phys" })).toThrow(/no DumpMcast2Phys/);
    expect(model.faults.pending).toBe(0);
  });

  it.each(["constructor", "toString"])("a name that is a property of every object: %s", (name) => {
    const { model, order } = scripted();
    expect(() => order({ order: "fail", command: name })).toThrow(/no constructor|no toString/);
    expect(model.faults.pending).toBe(0);
  });
});
