/** Stopping a daemon while its driver does not answer: between real processes, through each binding. */
import path from "node:path";
import { describe, expect, test } from "vitest";
import { folder, Model, OBSTACLE, XdeDaemon } from "./xde-kit.ts";

describe.skipIf(OBSTACLE !== undefined).each(["addon", "koffi"])(
  "a driver that is stuck, reached through %s",
  (binding) => {
    test("keeps a daemon that was told to stop, and not one that was told twice", async () => {
      const model = await Model.start(path.join(folder(), "xde.sock"));
      const daemon = await XdeDaemon.ready(model.socket, [], { SLEDCAST_BINDING: binding });
      await model.order({ order: "delay", command: "SetMcast2Phys", ms: 60_000 });
      void daemon.map(1).catch(() => {});
      await daemon.becomes("/readyz", { body: { running: { name: "set_m2p" } } });

      const stopped = daemon.stop("SIGTERM");
      await daemon.logged(({ msg }) => String(msg).startsWith("stopping"));
      expect(await Promise.race([stopped, Promise.resolve("runs")])).toBe("runs");
      void daemon.stop("SIGTERM");
      expect(await stopped).toBe("SIGKILL");
    });
  },
);
