/**
 * Files that settings name. Who else may read or change one is told by the file that was opened, not by
 * its name, which could be another file's a moment later.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { messageOf } from "../error.ts";
import { wrong } from "../settings.ts";

/** Settings, certificates and tokens have kilobytes. */
const MOST_BYTES = 1 << 20;
const OTHERS = 0o077;
const WRITABLE_BY_ALL = 0o002;

interface Found {
  readonly mode: number;
  readonly uid: number;
}

/** Throws, with the reason alone, for what cannot be read to its end at once. */
export function readRegular(file: string, check: (found: Found) => void = () => {}): string {
  let fd: number;
  try {
    // A FIFO of that name must not keep the whole process waiting.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new Error(`cannot be read: ${messageOf(error)}`);
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw new Error("is no file");
    if (found.size > MOST_BYTES) throw new Error(`has over ${MOST_BYTES} bytes`);
    check(found);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

const bits = (mode: number) => `0${(mode & 0o777).toString(8)}`;

function readNamed(key: string, file: string, check: (found: Found) => void): string {
  try {
    return readRegular(file, check);
  } catch (error) {
    throw wrong(key, `${file} ${messageOf(error)}`);
  }
}

/** What anybody may know, and not anybody change: who adds an authority lets in whom he likes. `key` names the setting. */
export function readPublic(key: string, file: string): string {
  return readNamed(key, file, ({ mode }) => {
    if ((mode & WRITABLE_BY_ALL) === 0) return;
    throw new Error(`has the mode ${bits(mode)}: anybody could change what is in it; chmod o-w ${file}`);
  });
}

/** What only its owner may read or change, and the owner is who runs this, or root. */
export function readPrivate(key: string, file: string): string {
  return readNamed(key, file, ({ mode, uid }) => {
    if ((mode & OTHERS) !== 0) {
      throw new Error(`has the mode ${bits(mode)}: others than its owner could use what is in it; chmod 600 ${file}`);
    }
    const own = process.geteuid?.();
    if (own !== undefined && uid !== 0 && uid !== own) {
      throw new Error(`belongs to user ${uid}, and sledcastd runs as ${own}; chown ${own} ${file}`);
    }
  });
}
