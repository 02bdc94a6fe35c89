/**
 * What `install` and `uninstall` tell SMF on the host itself: run over a copy-on-write view of this machine's root, in which
 * stand-ins for illumos' commands write down what they were told.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { execute, FULL, IN_CI, noAddon, smallPackages, smallSource, unpacked } from "./kit.ts";

const FMRI = "svc:/oxide/sledcast:default";
const MANIFEST = "lib/svc/manifest/network/sledcast.xml";

const STAND_INS: Readonly<Record<string, string>> = {
  uname: "echo SunOS",
  svccfg: 'echo "svccfg $*" >>/said; [ "$1" != extract ] || echo "<service_bundle/>"',
  svcadm: 'echo "svcadm $*" >>/said; [ "$1" != enable ] || [ ! -e /broken ]',
  svcs: "cat /state 2>/dev/null",
  svcprop: "echo /var/else\\\\where",
  logadm: 'echo "logadm $*" >>/said',
};

/** A host of its own: what is written there is written into memory, and gone with the command. */
const ENTER = `mount -t tmpfs none "$0" && mkdir "$0/upper" "$0/work" "$0/host" && cp -R "$1/." "$0/upper/" &&
  mount -t overlay none -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/host" &&
  mount --bind "$2" "$0/host/node" && exec chroot "$0/host" /bin/sh -c "$3"`;

const mountPoint = mkdtempSync(path.join(tmpdir(), "host-"));
afterAll(() => rmSync(mountPoint, { recursive: true, force: true }));

/** What `script` says on a host that has `files` in its root. */
async function onHost(files: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await execute(
    "unshare",
    ["-m", "sh", "-c", ENTER, mountPoint, files, process.execPath, script],
    { PATH: `/stand-ins:${process.env.PATH}`, SLEDCAST_NODE: "/node" },
    "/",
  );
  if (code !== 0) throw new Error(`it ended with ${code}: ${stdout}${stderr}`);
  return stdout + stderr;
}

async function obstacle(): Promise<string | undefined> {
  if (noAddon !== undefined) return noAddon;
  const empty = mkdtempSync(path.join(tmpdir(), "host-files-"));
  writeFileSync(path.join(empty, "node"), "");
  return onHost(empty, "test -e /node")
    .then(
      () => undefined,
      () => "this takes root, and an overlay of the root (unshare -m, mount -t overlay)",
    )
    .finally(() => rmSync(empty, { recursive: true }));
}

const why = await obstacle();
if (why !== undefined) console.log(`install is not tried on a host of its own: ${why}`);

describe.skipIf(why !== undefined && !(IN_CI && process.platform === "linux"))("on an illumos host", () => {
  let files: string;

  beforeAll(async () => {
    files = mkdtempSync(path.join(tmpdir(), "host-files-"));
    writeFileSync(path.join(files, "node"), "");
    mkdirSync(path.join(files, "stand-ins"));
    for (const [name, script] of Object.entries(STAND_INS))
      writeFileSync(path.join(files, "stand-ins", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    for (const version of ["1.0.0", "1.1.0"])
      cpSync(await unpacked(smallPackages(smallSource(version))), path.join(files, version), { recursive: true });
  });
  afterAll(() => rmSync(files, { recursive: true }));

  it.runIf(FULL)(
    "a first install checks the manifest, imports it, and leaves it to the administrator to enable the service",
    async () => {
      const said = await onHost(
        files,
        `/1.0.0/install && cat /said && stat -c '%a %U:%G' /${MANIFEST} /opt/oxide/sledcast/`,
      );
      expect(said.split("\n")).toEqual([
        `The service is not running (new). Set it up, then: svcadm enable ${FMRI}`,
        expect.stringMatching(/^sledcast 1\.0\.0 is installed in \/opt\/oxide\/sledcast\. To remove it: \/opt\//),
        `svccfg validate /1.0.0/proto/${MANIFEST}`,
        `svccfg import /${MANIFEST}`,
        "svcadm restart svc:/system/rbac:default",
        "svcadm restart svc:/system/logadm-upgrade:default",
        "444 root:sys",
        "755 root:bin",
        "",
      ]);
    },
  );

  it("an upgrade restarts a service that runs, and says how to go back where it does not come up", async () => {
    const said = await onHost(
      files,
      `/1.0.0/install >/dev/null && rm /said && echo online >/state && /1.1.0/install >/dev/null && cat /said
      touch /broken; /1.1.0/install 2>&1; echo "exit $?"; /usr/sbin/sledcast`,
    );
    expect(said.split("\n")).toEqual([
      `svccfg validate /1.1.0/proto/${MANIFEST}`,
      `svccfg import /${MANIFEST}`,
      "svcadm restart svc:/system/rbac:default",
      "svcadm restart svc:/system/logadm-upgrade:default",
      `svcadm disable -st ${FMRI}`,
      `svcadm enable -st ${FMRI}`,
      expect.stringMatching(
        /^install: svc:\/oxide\/sledcast:default did not come up again: `svcs -xv .*` says why, and `\/opt\/oxide\/sledcast\.versions\/1\.1\.0-\w+\/install --back-out` goes back$/,
      ),
      "exit 1",
      "cli 1.1.0",
      "",
    ]);
  });

  it.runIf(FULL)("an install changes nothing where a folder is read-only", async () => {
    const said = await onHost(
      files,
      `mount -t tmpfs -o ro none /usr/share/man && /1.0.0/install; echo "exit $?"; cat /said; ls /opt/oxide /usr/sbin/sledcast 2>/dev/null; true`,
    );
    expect(said.split("\n").sort()).toEqual(
      [
        "",
        "exit 1",
        "install: /usr/share/man cannot be written to; nothing was changed",
        expect.stringMatching(/^cat: /),
      ].sort(),
    );
  });

  it.runIf(FULL)(
    "uninstall stops the service, keeps its settings beside the ledger that they name, and takes it out of SMF",
    async () => {
      const said = await onHost(
        files,
        `/1.0.0/install >/dev/null && rm /said && echo online >/state && /1.0.0/uninstall && cat /said /var/elsewhere/service.xml
      ls -d /opt/oxide/sledcast* /${MANIFEST} /usr/sbin/sledcast* 2>/dev/null`.concat("; true"),
      );
      expect(said.split("\n")).toEqual([
        "The service's settings are kept in /var/elsewhere/service.xml: `svccfg import` of it, after another install, has them again.",
        "sledcast is removed. What it had recorded is in /var/elsewhere.",
        `svcadm disable -s ${FMRI}`,
        "svccfg extract svc:/oxide/sledcast",
        "svccfg delete svc:/oxide/sledcast",
        "logadm -r sledcast",
        "<service_bundle/>",
        "",
      ]);
    },
  );
});
