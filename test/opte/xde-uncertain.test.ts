/** What is known of a command that was sent and did not come to its end. */
import { describe, expect, it } from "vitest";
import { DriverUnavailable, mayHaveTakenEffect } from "../../src/opte/error.ts";
import { mapping, port } from "./kit.ts";
import { errorOf, failed, stopTime, xde } from "./xde-kit.ts";

const MAPPING = mapping("239.1.1.1", "ff04::1");

describe("a command that was sent", () => {
  it("and interrupted may have taken effect, also when we are stopping before it is sent again", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(() => {
      void transport.close();
      return failed("EINTR");
    });
    const error = await errorOf(transport.call("SetMcast2Phys", MAPPING));
    expect(error).toBeInstanceOf(DriverUnavailable);
    expect(mayHaveTakenEffect(error)).toBe(true);
  });

  it("and had no room for its reply has run, also when the device is lost before it is sent again", async () => {
    stopTime();
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed("ENOBUFS", 20_000), () => {
      kernel.absent();
      return failed("ENXIO");
    });
    const unsubscribed = errorOf(transport.call("McastUnsubscribe", { port: "opte0", group: MAPPING.group }));
    const listed = errorOf(transport.call("ListPorts", undefined));
    expect(mayHaveTakenEffect(await unsubscribed)).toBe(true);
    expect(await listed).toMatchObject({ kind: "driver-unavailable" });
    expect(kernel.opened).toBe(1);
  });

  it("and may not be run twice is not run again for want of room", async () => {
    const { kernel, xde: transport } = xde();
    kernel.script.push(failed("ENOBUFS", 20_000));
    const error = await errorOf(transport.call("CreateXde", port(1)));
    expect(error).toMatchObject({ kind: "driver-unavailable", message: expect.stringContaining("CreateXde ran") });
    expect(mayHaveTakenEffect(error)).toBe(true);
    expect(kernel.calls).toHaveLength(1);
  });
});
