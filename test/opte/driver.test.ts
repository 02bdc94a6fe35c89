/** What is true of every call, whatever carries it; and what an error of the driver tells a caller. */
import { describe, expect, it } from "vitest";
import { Driver } from "../../src/opte/driver.ts";
import { DriverError, ILLUMOS_ERRNO, isOpte, mayHaveTakenEffect, type OpteError } from "../../src/opte/error.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { mapping, port, refusal } from "./kit.ts";

describe("a call", () => {
  it("is measured when it ends, with whether it succeeded", async () => {
    const seen: unknown[] = [];
    const driver = new Driver(new DriverModel(), (command, seconds, ok) => seen.push([command, seconds >= 0, ok]));
    await driver.createXde(port(0));
    await refusal(driver.createXde(port(0)));
    expect(seen).toEqual([
      ["CreateXde", true, true],
      ["CreateXde", true, false],
    ]);
  });

  it("can be seen while it is under way, and not after", async () => {
    const model = new DriverModel();
    const driver = new Driver(model);
    model.faults.inject({ when: "before", delay: 20 });
    const call = driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    expect(driver.busyWith).toMatchObject({ command: "SetMcast2Phys" });
    await call;
    expect(driver.busyWith).toBeUndefined();
  });

  it("is not seen any more after it failed", async () => {
    const driver = new Driver(new DriverModel());
    await refusal(driver.deleteXde("nope"));
    expect(driver.busyWith).toBeUndefined();
  });

  it("goes to a driver that says what it is", () => {
    expect(new Driver(new DriverModel()).info).toEqual({ kind: "model", apiVersion: 41, through: "memory" });
    expect(new DriverModel({ apiVersion: 40 }).info.apiVersion).toBe(40);
  });
});

const system = (errno: number): OpteError => ({ variant: "System", errno, msg: "m" });

describe("an error of the driver", () => {
  const { EBUSY, ENOMEM, EAGAIN, EINVAL, EEXIST } = ILLUMOS_ERRNO;

  it.each([EBUSY, ENOMEM, EAGAIN])("of system error %i can be gone the next time", (errno) =>
    expect(new DriverError("DeleteXde", system(errno)).kind).toBe("driver-busy"),
  );

  it.each([EINVAL, EEXIST])("of system error %i will be the same again", (errno) =>
    expect(new DriverError("DeleteXde", system(errno)).kind).toBe("driver-refused"),
  );

  it("about the API version means that the driver cannot be used", () =>
    expect(new DriverError("ListPorts", { variant: "BadApiVersion", user: 41n, kernel: 40n }).kind).toBe(
      "driver-unavailable",
    ));

  it("names the command, the variant and the words", () => {
    const error = new DriverError("McastSubscribe", { variant: "PortNotFound", text: "opte9" });
    expect(error.message).toMatch(/McastSubscribe.*PortNotFound.*opte9/);
  });

  it("is known by its variant", () => {
    const error = new DriverError("DeleteXde", { variant: "PortNotFound", text: "opte9" });
    expect(isOpte(error, "PortNotFound")).toBe(true);
    expect(isOpte(error, "PortExists")).toBe(false);
    expect(isOpte(new Error("PortNotFound"), "PortNotFound")).toBe(false);
  });

  it("proves that nothing happened only where it is a refusal", () => {
    expect(mayHaveTakenEffect(new DriverError("CreateXde", { variant: "PortExists", text: "opte0" }))).toBe(false);
    expect(mayHaveTakenEffect(new DriverError("CreateXde", system(EBUSY)))).toBe(true);
    expect(
      mayHaveTakenEffect(new DriverError("CreateXde", { variant: "RespTooLarge", needed: 20_000n, given: 16_384n })),
    ).toBe(true);
    expect(mayHaveTakenEffect(new Error("no answer"))).toBe(true);
  });
});
