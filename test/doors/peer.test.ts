/** Who is at the other end of a Unix socket: asked of the system through the addon. */
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadAddon } from "../../src/host/addon.ts";
import { loadNapi } from "../../src/host/napi.ts";
import { RateLimit } from "../../src/http/doors/rate.ts";
import { mustRun } from "../host/binding-server.ts";
import { audited, call, put, served } from "./kit.ts";

const loaded = await loadNapi().then(
  ({ peerCredentials }) => ({ peerCredentials, why: undefined }),
  (error: Error) => ({ peerCredentials: undefined, why: error.message }),
);
if (loaded.why !== undefined) console.log(`peers are not asked for: ${loaded.why}`);

function socketPath(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "peer-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return path.join(dir, "s");
}

describe.skipIf(loaded.why !== undefined && !mustRun)("with the addon", () => {
  test("a change over a Unix socket is audited with the user and the process that asked", async () => {
    const socket = socketPath();
    const at = await served({ askPeer: loaded.peerCredentials }, {}, { path: socket });
    await put(0, { socketPath: socket });
    const pid = process.platform === "darwin" ? {} : { pid: process.pid };
    expect(audited(at).map(({ fields }) => fields.asked_by)).toEqual([{ uid: process.geteuid?.(), ...pid }]);
  });

  test("what is no connection has nobody at its other end", () => {
    const { peerCredentials } = loadAddon();
    expect(peerCredentials(2 ** 31 - 1)).toBe(constants.errno.EBADF);
    for (const wrong of [undefined, "3", -1, 0.5, Number.NaN, 2 ** 31]) {
      expect(() => peerCredentials(wrong as number)).toThrow(TypeError);
    }
  });
});

test("without it a change over a Unix socket is audited without them", async () => {
  const socket = socketPath();
  const at = await served({}, {}, { path: socket });
  await put(0, { socketPath: socket });
  expect(audited(at).map(({ fields }) => fields.asked_by)).toEqual([{}]);
});

test("over a Unix socket all who have no name are one client of the rate", async () => {
  const socket = socketPath();
  await served({ rules: { rate: new RateLimit(2, () => 0) } }, {}, { path: socket });
  const statuses: number[] = [];
  for (const _ of [1, 2, 3]) statuses.push((await call(0, { socketPath: socket })).status);
  expect(statuses).toEqual([200, 200, 429]);
});
