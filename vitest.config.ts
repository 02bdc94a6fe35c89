import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Makes fake devices openable in the workers (`native/fake-xde`): it has to be there when they start. */
const FAKE_XDE = fileURLToPath(new URL("./build/Release/libfake-xde.so", import.meta.url));
if (process.platform === "linux" && existsSync(FAKE_XDE)) process.env.LD_PRELOAD ??= FAKE_XDE;

const shared = {
  setupFiles: ["test/preloaded.ts"],
  // No suite changes what another can see, so the modules are loaded once for each worker.
  isolate: false,
  testTimeout: 60_000,
};

/** What goes through HTTP to a driver: run over the model, and again over a fake device through each binding. */
const THROUGH_HTTP = ["test/http/**/*.test.ts", "test/scenarios/**/*.test.ts", "test/*.test.ts"];

export default defineConfig({
  test: {
    // Suites that start real processes wait much of their time: three keep two cores busy.
    maxWorkers: 3,
    projects: [
      { test: { ...shared, name: "model", include: ["test/**/*.test.ts"] } },
      ...["addon", "koffi"].map((binding) => ({
        test: {
          ...shared,
          name: `xde through ${binding}`,
          include: THROUGH_HTTP,
          // Random sequences are for the model; here a share of them shows that the way there is the same.
          env: { SLEDCAST_TEST_BINDING: binding, SLEDCAST_RUNS: process.env.SLEDCAST_RUNS ?? "40" },
        },
      })),
    ],
  },
});
