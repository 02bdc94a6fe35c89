import { existsSync, mkdtempSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const inCI = process.env.CI === "true" || process.env.CI === "1";

/** The loader separates what is to be preloaded at blanks and colons: a path with one is gone round by a link. */
function preloadable(library: string): string {
  if (!/[\s:]/.test(library)) return library;
  const link = path.join(mkdtempSync(path.join(tmpdir(), "fake-xde-")), "libfake-xde.so");
  symlinkSync(library, link);
  return link;
}

/** Makes fake devices openable in the workers (`native/fake-xde`): it has to be there when they start. */
const FAKE_XDE = at("./build/Release/libfake-xde.so");
const hasFakeXde = process.platform === "linux" && existsSync(FAKE_XDE);
if (hasFakeXde) {
  const others = process.env.LD_PRELOAD;
  process.env.LD_PRELOAD = preloadable(FAKE_XDE) + (others ? `:${others}` : "");
}

/** Where the workers find the stand-ins for illumos' libraries (`native/fake-libs`) by their names. */
const FAKE_LIBS = at("./build/Release/fake-libs");
if (process.platform === "linux" && existsSync(FAKE_LIBS) && !/[:;]/.test(FAKE_LIBS)) {
  const others = process.env.LD_LIBRARY_PATH;
  process.env.LD_LIBRARY_PATH = FAKE_LIBS + (others ? `:${others}` : "");
}

const require = createRequire(import.meta.url);
function loads(module: string): boolean {
  try {
    require(module);
    return true;
  } catch {
    return false;
  }
}

/** The bindings that can be tried against a fake device here. */
const BINDINGS = { addon: at("./build/Release/sledcast.node"), koffi: "koffi" };
const bindings = hasFakeXde ? Object.entries(BINDINGS).filter(([, module]) => loads(module)) : [];
if (bindings.length < Object.keys(BINDINGS).length && process.platform === "linux") {
  const said = `only over ${["the model", ...bindings.map(([name]) => name)].join(" and ")}: the rest is not built`;
  if (inCI) throw new Error(said);
  console.log(`The suites that go through HTTP run ${said}.`);
}

const shared = {
  setupFiles: ["test/preloaded.ts"],
  // No suite changes what another can see, so the modules are loaded once for each worker.
  isolate: false,
  testTimeout: 60_000,
};

/** What goes through HTTP to a driver: run over the model, and again over a fake device through each binding. */
const THROUGH_HTTP = ["test/http/**/*.test.ts", "test/scenarios/**/*.test.ts", "test/*.test.ts"];
/** What takes long and is shown in short by others: losses, limits and loads in every variant. In CI; outside it that is said. */
const AT_LENGTH = [
  "test/crash/kill.test.ts",
  "test/lab/{delivery,recovery}.test.ts",
  "test/nics/{lifetime,limits,policies}.test.ts",
  "test/opte/state-{compaction,kill}.test.ts",
  "test/process/xde-{faults,load,model,underlay}.test.ts",
];
if (!inCI) console.log(`Left out for their time: ${AT_LENGTH.join(", ")}. \`CI=true npm test\` runs all there is.`);

/** Suites of what is refused or read before a driver is asked: over a device in CI, and otherwise over the model alone. */
const AT_THE_DOOR = [
  "attachments",
  "bodies",
  "fields",
  "ip-text",
  "network-conventions",
  "paths",
  "registration",
  "registration-network",
  "uuid",
  "version-header",
  "vpc",
  "vpc-routes",
].map((name) => `test/http/${name}.test.ts`);

/** Long, and more about the agent than about the way to the driver: likewise. */
const LONG = [
  "test/scenarios/{config-drift,config-failures,config-members,config-refused,config-unchanged,slow-driver,undo-fails,vmms}.test.ts",
  "test/{control-plane,crash,faults}.test.ts",
  "test/http/{events,sockets}.test.ts",
];

/** The second binding is held to the first by the contract suites; outside CI a share of these shows that the way there is the same. */
const SHARE = ["test/scenarios/{mappings,memberships}.test.ts"];

export default defineConfig({
  test: {
    // Suites that start real processes wait much of their time: three keep two cores busy.
    maxWorkers: 3,
    projects: [
      {
        test: {
          ...shared,
          name: "model",
          include: ["test/**/*.test.ts"],
          // Named here it would take the place of what the command line excludes.
          ...(inCI ? {} : { exclude: [...configDefaults.exclude, ...AT_LENGTH] }),
        },
      },
      ...bindings.map(([binding]) => ({
        test: {
          ...shared,
          name: `xde through ${binding}`,
          include: inCI || binding === "addon" ? THROUGH_HTTP : SHARE,
          exclude: [...configDefaults.exclude, ...(inCI ? [] : [...AT_THE_DOOR, ...LONG])],
          // Random sequences are for the model; here a share of them shows that the way there is the same.
          env: { SLEDCAST_TEST_BINDING: binding, SLEDCAST_RUNS: process.env.SLEDCAST_RUNS ?? (inCI ? "40" : "20") },
        },
      })),
    ],
  },
});
