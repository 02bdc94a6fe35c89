import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Real processes and sockets are started in some suites; two cores carry them in turn.
    maxWorkers: 2,
    // No suite changes what another can see, so the modules are loaded once for each worker.
    isolate: false,
    testTimeout: 60_000,
  },
});
