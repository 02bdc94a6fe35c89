/** What holds for the C++ as text and under each compiler at hand, whatever it does when it runs. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished, test } from "vitest";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const NATIVE = fileURLToPath(new URL("../../native", import.meta.url));
const IN_CI = process.env.CI === "true" || process.env.CI === "1";

const filesIn = (...folders: string[]) =>
  folders.flatMap((folder) => readdirSync(path.join(NATIVE, folder)).map((name) => path.join(folder, name)));

const PORTABLE = filesIn("os", "opte", "node");
const textOf = (file: string) => readFileSync(path.join(NATIVE, file), "utf8");
/** Of C and POSIX headers: those that illumos has with what is used of them, in libc and in libsocket, which is linked. */
const SYSTEM_HEADERS = [
  "dlfcn.h",
  "fcntl.h",
  "net/if.h",
  "net/route.h",
  "netinet/in.h",
  "poll.h",
  "sys/file.h",
  "sys/ioctl.h",
  "sys/resource.h",
  "sys/socket.h",
  "unistd.h",
];
/** illumos' own: only in a branch that names it. */
const ILLUMOS_HEADERS = ["ucred.h"];
/** Where illumos has another way: only in the other branch of a condition on it. */
const LINUX_HEADERS = ["linux/netlink.h", "linux/rtnetlink.h"];
const INCLUDE = /^#include [<"]([^>"]+)[>"]/;

const includes = (file: string) => [...textOf(file).matchAll(new RegExp(INCLUDE, "gm"))].map(([, name]) => name);

/** What the file includes in the branch of a condition that names illumos, or in the `#else` of one. */
function includesWhere(where: "illumos" | "elsewhere", file: string): string[] {
  const found: string[] = [];
  const open: { readonly ofSun: boolean; inElse: boolean }[] = [];
  for (const line of textOf(file).split("\n")) {
    const directive = /^\s*#\s*(if|else|elif|endif)/.exec(line)?.[1];
    const innermost = open.at(-1);
    if (directive === "if") open.push({ ofSun: line.includes("defined(__sun)"), inElse: false });
    else if (directive === "endif") open.pop();
    else if (directive !== undefined && innermost !== undefined) innermost.inElse = directive === "else";
    const name = INCLUDE.exec(line)?.[1];
    if (name !== undefined && open.some(({ ofSun, inElse }) => ofSun && inElse === (where === "elsewhere")))
      found.push(name);
  }
  return found;
}
const isCpp = (name = "") => /^c?[a-z_]+$/.test(name);
const isOurs = (name = "") => /^(os|opte|node)\//.test(name);

describe("the addon's sources", () => {
  it("include nothing that illumos or macOS lacks", () => {
    for (const file of PORTABLE) {
      const elsewhere = LINUX_HEADERS.filter((name) => includesWhere("elsewhere", file).includes(name));
      const there = ILLUMOS_HEADERS.filter((name) => includesWhere("illumos", file).includes(name));
      const known = [...SYSTEM_HEADERS, ...elsewhere, ...there, "napi.h"];
      const foreign = includes(file).filter((name = "") => !isCpp(name) && !isOurs(name) && !known.includes(name));
      expect(foreign, file).toEqual([]);
    }
  });

  it("say what is Linux's only beside what illumos has for it", () => {
    for (const file of PORTABLE) {
      const conditions = textOf(file)
        .split("\n")
        .filter((line) => /^\s*#\s*(if|elif|ifdef).*__linux__/.test(line));
      for (const condition of conditions) expect(condition, file).toContain("__sun");
    }
  });

  it("keep the system and Node apart", () => {
    for (const file of filesIn("os", "opte")) expect(includes(file), file).not.toContain("napi.h");
    for (const file of filesIn("node")) {
      expect(
        includes(file).filter((name) => SYSTEM_HEADERS.includes(name ?? "")),
        file,
      ).toEqual([]);
    }
  });
});

const WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"];
const HEADERS = [
  path.dirname(require.resolve("node-addon-api/package.json")),
  path.join(path.dirname(require.resolve("node-api-headers/package.json")), "include"),
];
const DEFINES = ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"];

const FLAGS = [
  "-std=c++17",
  ...WARNINGS,
  ...DEFINES.map((name) => `-D${name}`),
  `-I${NATIVE}`,
  ...HEADERS.flatMap((folder) => ["-isystem", folder]),
];

const isThere = (compiler: string) =>
  run(compiler, ["--version"]).then(
    () => true,
    () => false,
  );

describe.each(["g++", "clang++"])("%s", async (compiler) => {
  const there = await isThere(compiler);
  // clang is a second opinion; the compiler that builds has to be there in CI.
  const required = IN_CI && compiler === "g++" && process.platform === "linux";
  // What stands for illumos' libraries is for tests alone: that it was compiled is enough outside CI.
  const linux = process.platform === "linux" ? filesIn("fake-xde", ...(IN_CI ? ["fake-libs"] : [])) : [];
  const sources = [...PORTABLE, ...linux];
  const title = "takes each source without a warning";
  // The build has compiled all of it, and shows its warnings: that there is none, in anyone's opinion, is for CI.
  const later = there && !IN_CI;
  const why = later ? " (in CI)" : there ? "" : ` (${compiler} is not installed)`;
  test.skipIf(later || (!there && !required))(`${title}${why}`, async () => {
    const nodesHeader = await precompiled(compiler);
    for (const source of sources.filter((name) => name.endsWith(".cc"))) {
      const header = source.startsWith("node") ? nodesHeader : [];
      const { stderr } = await run(compiler, [...FLAGS, "-fsyntax-only", ...header, path.join(NATIVE, source)]);
      expect(stderr, source).toBe("");
    }
  });
});

/** Node's headers are most of what there is to read: they are read once. Answers the flags to use them by. */
async function precompiled(compiler: string): Promise<readonly string[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "headers-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const header = path.join(folder, "nodes.h");
  writeFileSync(header, "#include <napi.h>\n");
  const compiled = `${header}.${compiler === "g++" ? "gch" : "pch"}`;
  await run(compiler, [...FLAGS, "-x", "c++-header", header, "-o", compiled]);
  return compiler === "g++" ? ["-include", header] : ["-include-pch", compiled];
}
