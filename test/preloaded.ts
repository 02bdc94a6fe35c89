/**
 * The workers have the fake device preloaded (`vitest.config.ts`); the processes that tests start
 * must not, unless they are started with it. Its trace is kept under another name.
 */
if (process.env.LD_PRELOAD !== undefined) {
  process.env.SLEDCAST_TEST_PRELOADED = process.env.LD_PRELOAD;
  delete process.env.LD_PRELOAD;
}

/** The same goes for the fakes of illumos' libraries, which the workers find by their names. */
const folders = process.env.LD_LIBRARY_PATH?.split(":").filter((folder) => !folder.endsWith("/fake-libs"));
if (folders !== undefined && folders.length > 0) process.env.LD_LIBRARY_PATH = folders.join(":");
else delete process.env.LD_LIBRARY_PATH;
