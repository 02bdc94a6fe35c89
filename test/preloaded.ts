/**
 * The workers have the fake device preloaded (`vitest.config.ts`); the processes that tests start
 * must not, unless they are started with it. Its trace is kept under another name.
 */
if (process.env.LD_PRELOAD !== undefined) {
  process.env.SLEDCAST_TEST_PRELOADED = process.env.LD_PRELOAD;
  delete process.env.LD_PRELOAD;
}
