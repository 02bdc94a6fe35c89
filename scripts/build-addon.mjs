// Builds the addon (and on Linux the stand-ins for what it opens) into build/Release. Without the tools
// for it the koffi binding serves, so that is no failure: one line says what is missing. Where CI is
// set it is one. Nothing is done when nothing changed; SLEDCAST_NO_ADDON=1 leaves all as it is.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const source = path.join(root, "native");
const build = path.join(root, "build");
const addon = path.join(build, "Release", "sledcast.node");
/** What a test has in the place of the device, and of illumos' own libraries. */
const standIns = ["libfake-xde.so", "fake-libs/libdladm.so.1", "fake-libs/libkstat.so.1"].map((file) =>
  path.join(build, "Release", file),
);
const stamp = path.join(build, "sledcast.stamp");
const inCI = process.env.CI === "true" || process.env.CI === "1";

/** All that the result depends on and that can change under an existing build, as one word. */
function fingerprint() {
  const hash = createHash("sha256");
  for (const file of readdirSync(source, { recursive: true }).sort()) {
    const full = path.join(source, file);
    if (statSync(full).isFile()) hash.update(`${file}\0`).update(readFileSync(full));
  }
  for (const dependency of ["node-addon-api", "cmake-js"]) hash.update(versionOf(dependency));
  return hash.update(`${root} ${process.platform} ${process.arch} ${process.env.CXX ?? ""} ${inCI}`).digest("hex");
}

function versionOf(dependency) {
  try {
    return require(`${dependency}/package.json`).version;
  } catch {
    return "none";
  }
}

/** Why the addon that is there does not load; undefined when it does. */
function whyNotLoaded() {
  try {
    require(addon);
    return undefined;
  } catch (error) {
    return error.message.split("\n", 1)[0];
  }
}

function upToDate(print) {
  const made = [addon, ...(process.platform === "linux" && existsSync(path.join(source, "fake-xde")) ? standIns : [])];
  if (!made.every((file) => existsSync(file))) return false;
  return existsSync(stamp) && readFileSync(stamp, "utf8") === print && whyNotLoaded() === undefined;
}

function isOnPath(command) {
  const places = command.includes("/") ? [""] : (process.env.PATH ?? "").split(path.delimiter);
  return places.some((place) => {
    try {
      const file = path.join(place, command);
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

// CXX may carry flags behind the command.
const named = process.env.CXX?.trim().split(/\s+/, 1)[0];
const compilers = named ? [named] : ["c++", "g++", "clang++"];

/** cmake-js looks for these two only, and builds with none where it finds neither, unless it is told of one. */
function compilerOptions() {
  if (["g++", "clang++"].some(isOnPath)) return [];
  return ["--cc", "cc", "--cxx", compilers.find(isOnPath)];
}

/** What is needed and is not there. */
function missingTools() {
  const missing = [];
  if (!isOnPath("cmake")) missing.push("cmake");
  if (!compilers.some(isOnPath)) missing.push(`a C++ compiler (${compilers.join(", ")})`);
  if (!["make", "gmake", "ninja"].some(isOnPath)) missing.push("make (or ninja)");
  if (versionOf("cmake-js") === "none") missing.push("the package cmake-js");
  if (versionOf("node-addon-api") === "none") missing.push("the package node-addon-api");
  return missing;
}

function hasKoffi() {
  try {
    return process.platform !== "sunos" && require("koffi") !== undefined;
  } catch {
    return false;
  }
}

/** Says the one line, and what it means on this platform. */
function giveUp(reason, output = "") {
  if (inCI && output !== "") console.error(output);
  const instead = hasKoffi()
    ? "the koffi binding serves instead"
    : "there is no other binding here, so `--driver xde` cannot run until it is built";
  console.error(`The addon is not built: ${reason}; ${instead}.`);
  process.exit(inCI ? 1 : 0);
}

/** For us they are errors; who only builds it gets the addon all the same. */
const warnings = [`--CDSLEDCAST_WARNINGS_ARE_ERRORS=${inCI ? "ON" : "OFF"}`];

/** Runs cmake-js; undefined when it went well, else all that it and the compiler said. */
function runCmake(...options) {
  const cmakeJs = path.join(path.dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js");
  const { status, error, stdout, stderr } = spawnSync(
    process.execPath,
    [cmakeJs, "build", "-d", source, "-O", build, "-p", "2", ...warnings, ...compilerOptions(), ...options],
    { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  return status === 0 ? undefined : `${error?.message ?? ""}${stdout ?? ""}${stderr ?? ""}`.trim();
}

function firstError(output) {
  const lines = output.split("\n");
  const first = lines.find((line) => /\berror:|CMake Error/.test(line)) ?? lines.at(-1) ?? "";
  return `the build failed (${first.trim()})`;
}

function compile(print) {
  // A tree that was moved: cmake refuses its cache, and nothing in there is of use.
  const cache = path.join(build, "CMakeCache.txt");
  if (existsSync(cache) && !readFileSync(cache, "utf8").includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${source}\n`)) {
    rmSync(build, { recursive: true });
  }
  rmSync(stamp, { force: true });
  const output = runCmake();
  // The stand-ins are for tests: that they cannot be built here does not cost the addon.
  const addonOutput = output === undefined || inCI ? output : runCmake("-T", "sledcast");
  if (addonOutput !== undefined) {
    // Of an older build: it would be loaded, and is not what the sources say.
    rmSync(addon, { force: true });
    giveUp(firstError(addonOutput), addonOutput);
  }
  const why = whyNotLoaded();
  if (why !== undefined) giveUp(`it was built and does not load (${why})`);
  if (output === undefined) writeFileSync(stamp, print);
  else console.error(`The addon is built, but not the stand-ins for its device and libraries: ${firstError(output)}.`);
}

if (process.env.SLEDCAST_NO_ADDON !== "1") {
  const print = fingerprint();
  if (!upToDate(print)) {
    const missing = missingTools();
    if (missing.length > 0) giveUp(`${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} missing`);
    compile(print);
  }
}
