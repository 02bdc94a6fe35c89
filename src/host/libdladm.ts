/**
 * Datalink ids by illumos' libdladm, through the addon: it asks dlmgmtd. Constants are from illumos-gate's
 * libdladm.h and libdllink.h. It was never run against the real library, only against the stand-in of the
 * same ABI (`native/fake-libs`).
 */
import { type ErrorKind, SledcastError } from "../error.ts";
import {
  type DladmAnswer,
  type DladmTold,
  loadAddon,
  type NativeDatalinks,
  type NativeLink,
  openLibrary,
} from "./addon.ts";
import type { Datalinks } from "./datalinks.ts";
import { OneAtATime } from "./one-at-a-time.ts";

const LIBRARY = "libdladm.so.1";

/** `dladm_status_t`: those that something here depends on. */
const STATUS = { OK: 0, BADARG: 1, NOTFOUND: 5, NOMEM: 7, EXIST: 8, DENIED: 13, LINKBUSY: 24, TRYAGAIN: 27 } as const;
/** `DATALINK_CLASS_MISC`: what a port's id is of. */
const CLASS_MISC = 0x400;
/** `DLADM_OPT_PERSIST`: the link outlives a reboot, which no port does. */
const OPT_PERSIST = 2;

interface Refusal {
  readonly kind: ErrorKind;
  readonly wayOut: string;
}

const BUSY: Refusal = { kind: "driver-busy", wayOut: "it can be tried again" };
const REFUSALS: ReadonlyMap<number, Refusal> = new Map([
  [STATUS.LINKBUSY, BUSY],
  [STATUS.TRYAGAIN, BUSY],
  [STATUS.NOMEM, BUSY],
  [
    STATUS.DENIED,
    { kind: "driver-refused", wayOut: "the agent must run with the privilege sys_dl_config or sys_net_config" },
  ],
  [
    STATUS.BADARG,
    {
      kind: "driver-refused",
      wayOut:
        "a link's name has at most 31 letters, digits, _ and ., begins with none of the digits " +
        "and ends in a number without a leading zero",
    },
  ],
]);
const DLMGMTD: Refusal = {
  kind: "driver-unavailable",
  wayOut: "see whether dlmgmtd runs: svcs svc:/network/datalink-management:default",
};

function failed(what: string, { function: asked, status, text }: DladmAnswer): SledcastError {
  const { kind, wayOut } = REFUSALS.get(status) ?? DLMGMTD;
  return new SledcastError(kind, `${what}: ${text} (${asked}, status ${status}); ${wayOut}`);
}

class DladmDatalinks implements Datalinks {
  readonly source = "libdladm";
  readonly #native: NativeDatalinks;
  readonly #calls = new OneAtATime();

  constructor(native: NativeDatalinks) {
    this.#native = native;
  }

  isTaken(name: string): Promise<boolean> {
    return this.#calls.run(() => this.#isTaken(name));
  }

  create(name: string): Promise<number | undefined> {
    return this.#calls.run(() => this.#create(name));
  }

  destroy(name: string): Promise<boolean> {
    return this.#calls.run(() => this.#destroy(name));
  }

  async #isTaken(name: string): Promise<boolean> {
    const what = `whether a link is called ${name} cannot be told`;
    const link = await answerTo<DladmTold<NativeLink>>(what, (done) => this.#native.info(name, done));
    if (link.id === undefined && !isNotThere(link, "dladm_name2info")) throw failed(what, link);
    return link.id !== undefined;
  }

  async #create(name: string): Promise<number | undefined> {
    const what = `no datalink id for ${name}`;
    const made = await answerTo<DladmTold<{ readonly id: number }>>(what, (done) => this.#native.create(name, done));
    if (made.status === STATUS.EXIST) return undefined;
    if (made.id === undefined) throw failed(what, made);
    return made.id;
  }

  async #destroy(name: string): Promise<boolean> {
    const what = `the datalink id of ${name} is not given back`;
    const link = await answerTo<DladmTold<NativeLink>>(what, (done) => this.#native.info(name, done));
    if (isNotThere(link, "dladm_name2info")) return false;
    if (link.id === undefined) throw failed(what, link);
    if (link.class !== CLASS_MISC || (link.flags & OPT_PERSIST) !== 0) return false;
    const { id } = link;
    const gone = await answerTo<DladmAnswer>(what, (done) => this.#native.destroy(id, done));
    // Another may have been quicker: ids are not reused, so it was this one and no other.
    if (gone.status === STATUS.OK || isNotThere(gone, "dladm_destroy_datalink_id")) return true;
    throw failed(what, gone);
  }
}

/** That the name or id is not there, and not what the handle needs to be opened. */
function isNotThere(answer: DladmAnswer, asked: string): boolean {
  return answer.status === STATUS.NOTFOUND && answer.function === asked;
}

function answerTo<Answer>(what: string, call: (done: (answer?: Answer) => void) => boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const taken = call((answer) => {
      if (answer === undefined) reject(new SledcastError(BUSY.kind, `${what}: no memory; ${BUSY.wayOut}`));
      else resolve(answer);
    });
    if (!taken) reject(new SledcastError("internal", `${what}: libdladm is not loaded`));
  });
}

/** Rejects with one line where the addon or the library is missing. `library`: another file than libdladm's own. */
export async function openDatalinks(library = LIBRARY): Promise<Datalinks> {
  const { Datalinks } = loadAddon();
  const native = new Datalinks(library);
  await openLibrary(library, native);
  return new DladmDatalinks(native);
}
