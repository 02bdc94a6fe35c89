/**
 * Files with something secret in them. Who else may read or change one is told by the file that was
 * opened, not by its name, which could be another file's a moment later.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { messageOf } from "../error.ts";
import { wrong } from "../settings.ts";

/** Certificates and tokens have kilobytes. */
const MOST_BYTES = 1 << 20;
const OTHERS = 0o077;

interface Found {
  readonly mode: number;
  readonly uid: number;
}

function readRegular(key: string, file: string, check: (found: Found) => void): string {
  let fd: number;
  try {
    // A FIFO of that name must not keep the start waiting.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw wrong(key, `${file} cannot be read: ${messageOf(error)}`);
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw wrong(key, `${file} is no file`);
    if (found.size > MOST_BYTES) throw wrong(key, `${file} has over ${MOST_BYTES} bytes`);
    check(found);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** What anybody may know. `key` names the setting in the error. */
export function readPublic(key: string, file: string): string {
  return readRegular(key, file, () => {});
}

/** What only its owner may read or change, and the owner is who runs this, or root. */
export function readPrivate(key: string, file: string): string {
  return readRegular(key, file, ({ mode, uid }) => {
    if ((mode & OTHERS) !== 0) {
      const bits = `0${(mode & 0o777).toString(8)}`;
      throw wrong(
        key,
        `${file} has the mode ${bits}: others than its owner could use what is in it; chmod 600 ${file}`,
      );
    }
    const own = process.geteuid?.();
    if (own !== undefined && uid !== 0 && uid !== own) {
      throw wrong(key, `${file} belongs to user ${uid}, and sledcastd runs as ${own}; chown ${own} ${file}`);
    }
  });
}
