/**
 * Tries to join groups on all NICs, as scripts for the membership sockets. What the kernel answers
 * can mean that the try was wrong and not the NIC: then it is tried once more, another way.
 */
import { constants } from "node:os";
import { NO_SUCH_NIC } from "./join-reason.ts";
import { type JoinedGroup, LOST } from "./joined-group.ts";
import { MembershipScript, type Memberships } from "./memberships.ts";
import type { Nics } from "./nics.ts";
import type { SocketPacking } from "./socket-packing.ts";
import { inTurns } from "./turns.ts";

const { EADDRINUSE, ENODEV, ENOMEM, ENXIO } = constants.errno;

const NONE: ReadonlySet<number> = new Set();

interface Attempt {
  readonly group: JoinedGroup;
  /** NICs whose socket says that it has the membership already: it is left first. */
  leaveFirst: ReadonlySet<number>;
  looked: boolean;
  moves: number;
  /** The socket that was full: what the group has there is left, and it goes to another. */
  movesFrom: number | undefined;
}

/** The first shows that a socket is full, the second how many go into one; the others are for what changes meanwhile. */
const MOST_MOVES = 4;

/** What a step of a script was for, so that its errno finds its place. */
type Step =
  | { readonly kind: "open"; readonly socket: number }
  | { readonly kind: "join"; readonly attempt: Attempt; readonly nic: number; readonly index: number }
  | undefined;

export class JoinAttempts {
  readonly #memberships: Memberships;
  readonly #packing: SocketPacking;
  readonly #nics: Nics;

  constructor(memberships: Memberships, packing: SocketPacking, nics: Nics) {
    this.#memberships = memberships;
    this.#packing = packing;
    this.#nics = nics;
  }

  /**
   * Joins each group wherever it is not joined yet. Answers the groups that failed, with the reasons
   * in `failed`; `allOrNone`: those of them that are not wanted yet are joined nowhere then.
   */
  async run(groups: readonly JoinedGroup[], allOrNone: boolean): Promise<JoinedGroup[]> {
    let open = groups.map(
      (group): Attempt => ({ group, leaveFirst: NONE, looked: false, moves: 0, movesFrom: undefined }),
    );
    while (open.length > 0) open = await this.#round(open);
    const failed = groups.filter((group) => group.failed.some((errno) => errno !== 0));
    await this.#tidy(failed, allOrNone);
    return failed;
  }

  /** Puts the steps that leave the group on those NICs into the script, and closes its socket if it was the last. */
  leave(group: JoinedGroup, isOn: (nic: number) => boolean, script: MembershipScript): void {
    const { socket, at } = group;
    if (socket === undefined) return;
    for (let nic = at.length - 1; nic >= 0; nic--) {
      const index = at[nic] as number;
      if (index === 0 || !isOn(nic)) continue;
      script.leave(socket, group.underlay, index);
      at[nic] = 0;
    }
    if (at.some((index) => index !== 0)) return;
    group.socket = undefined;
    if (this.#packing.release(socket)) script.close(socket);
  }

  /** One script for all of them. Answers those that are worth another. */
  async #round(attempts: readonly Attempt[]): Promise<Attempt[]> {
    const script = new MembershipScript();
    const steps: Step[] = [];
    await inTurns(attempts, (attempt) => this.#write(attempt, script, steps));
    const errnos = script.length === 0 ? new Int32Array() : await this.#memberships.run(script);
    const again = await this.#read(steps, errnos);
    // The indexes may be of before: the NIC went or came back meanwhile.
    if ([...again].some(({ looked }) => looked)) await this.#nics.refresh();
    return [...again];
  }

  #write(attempt: Attempt, script: MembershipScript, steps: Step[]): void {
    const { group, leaveFirst } = attempt;
    this.#moveOut(attempt, script, steps);
    for (const [nic, index] of this.#nics.indexes.entries()) {
      const at = group.at[nic] as number;
      if (at === index && at !== 0 && group.failed[nic] !== LOST) {
        group.failed[nic] = 0;
        continue;
      }
      // Joined under an index that is gone, or lost: the socket keeps the membership, detached, until it is left.
      if (at !== 0) {
        script.leave(group.socket as number, group.underlay, at);
        steps.push(undefined);
        group.at[nic] = 0;
      }
      if (index === 0) {
        group.failed[nic] = NO_SUCH_NIC;
        continue;
      }
      const socket = this.#socketOf(group, script, steps);
      if (leaveFirst.has(nic)) {
        script.leave(socket, group.underlay, index);
        steps.push(undefined);
      }
      script.join(socket, group.underlay, index);
      steps.push({ kind: "join", attempt, nic, index });
    }
  }

  #socketOf(group: JoinedGroup, script: MembershipScript, steps: Step[]): number {
    if (group.socket !== undefined) return group.socket;
    const { socket, opened } = this.#packing.place();
    group.socket = socket;
    if (opened) {
      script.open(socket);
      steps.push({ kind: "open", socket });
    }
    return socket;
  }

  /** Where nothing is left in a socket that had room for no more. */
  #moveOut(attempt: Attempt, script: MembershipScript, steps: Step[]): void {
    const { group, movesFrom } = attempt;
    if (movesFrom === undefined) return;
    for (const [nic, index] of group.at.entries()) {
      if (index === 0) continue;
      script.leave(movesFrom, group.underlay, index);
      steps.push(undefined);
      group.at[nic] = 0;
    }
    this.#packing.release(movesFrom);
    group.socket = undefined;
    attempt.movesFrom = undefined;
  }

  async #read(steps: readonly Step[], errnos: Int32Array): Promise<Set<Attempt>> {
    const unopened = new Map<number, number>();
    const again = new Set<Attempt>();
    const cramped = new Map<number, Set<Attempt>>();
    await inTurns(steps, (step, at) => {
      const errno = errnos[at] as number;
      if (step?.kind === "open" && errno !== 0) unopened.set(step.socket, errno);
      if (step?.kind !== "join") return;
      const { attempt, nic, index } = step;
      const socket = attempt.group.socket as number;
      // Without its socket every join is EBADF; what counts is why there is none.
      const cause = unopened.get(socket) ?? errno;
      attempt.group.failed[nic] = cause;
      if (cause === 0) attempt.group.at[nic] = index;
      else if (unopened.has(socket)) return;
      else if (cause === ENOMEM) cramped.set(socket, (cramped.get(socket) ?? new Set()).add(attempt));
      else if (knowsAWay(attempt, nic, cause)) again.add(attempt);
    });
    this.#forgetSockets(steps, unopened);
    for (const [socket, attempts] of cramped) for (const attempt of this.#spread(socket, attempts)) again.add(attempt);
    return again;
  }

  #forgetSockets(steps: readonly Step[], unopened: ReadonlyMap<number, number>): void {
    for (const socket of unopened.keys()) this.#packing.forget(socket);
    for (const step of steps) {
      if (step?.kind !== "join") continue;
      const { group } = step.attempt;
      if (group.socket !== undefined && unopened.has(group.socket)) group.socket = undefined;
    }
  }

  /** ENOMEM in a socket that holds others' memberships is its own bound (`socket-packing.ts`): another may take these. */
  #spread(socket: number, attempts: ReadonlySet<Attempt>): Attempt[] {
    const fit = this.#packing.groupsIn(socket) - attempts.size;
    // illumos has no such bound.
    if (fit < 1 || process.platform === "sunos") return [];
    this.#packing.full(socket, fit);
    const moving = [...attempts].filter(({ moves }) => moves < MOST_MOVES);
    for (const attempt of moving) {
      attempt.moves++;
      attempt.movesFrom = socket;
    }
    return moving;
  }

  /** What is wanted stays where it could be joined, the rest leaves; a socket that nothing is left in is closed. */
  async #tidy(failed: readonly JoinedGroup[], allOrNone: boolean): Promise<void> {
    const script = new MembershipScript();
    for (const group of failed) this.leave(group, () => allOrNone && !group.wanted, script);
    if (script.length > 0) await this.#memberships.run(script);
  }
}

function knowsAWay(attempt: Attempt, nic: number, errno: number): boolean {
  // Never "already joined": the socket believes so, the kernel may not (a NIC made again under its old index).
  if (errno === EADDRINUSE && !attempt.leaveFirst.has(nic)) {
    attempt.leaveFirst = new Set([...attempt.leaveFirst, nic]);
    return true;
  }
  if ((errno === ENODEV || errno === ENXIO) && !attempt.looked) {
    attempt.looked = true;
    return true;
  }
  return false;
}
