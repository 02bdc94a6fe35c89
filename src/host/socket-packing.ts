/**
 * Which membership socket a group is in. A group has one socket for all its NICs.
 *
 * Many groups share a socket: one each would cost 3.8 kB of kernel memory and a descriptor more
 * for every group, and joins take as long either way (10,000 groups on 2 NICs, one to 1,024 groups
 * a socket: 2.4 s to 1.9 s; `bench/native/join-groups.c` measures any number). How many is bounded on Linux,
 * which charges 56 bytes for each membership to `net.core.optmem_max` and answers ENOMEM past it:
 * 365 memberships at the 20,480 bytes of older kernels. On illumos nothing bounds them, but the
 * socket's list is walked at every join, which also wants few. Hence 64 groups a socket, and no more
 * than 320 memberships.
 *
 * New groups go to the newest socket, so that a dying process, which closes socket by socket,
 * leaves them newest first (`native/os/memberships.h` says why). Only when the sockets are less than
 * half full on the whole are the gaps of older ones filled: that bounds descriptors by the groups
 * there are, whatever came and went before.
 */
const GROUPS_A_SOCKET = 64;
const MEMBERSHIPS_A_SOCKET = 320;

export class SocketPacking {
  /** What a socket is given where nothing else bounds it. */
  readonly #most: number;
  #capacity: number;
  /** Groups in each open socket, oldest socket first. */
  readonly #groups = new Map<number, number>();
  readonly #roomy = new Set<number>();
  /** Sockets that were found to take no more. */
  readonly #full = new Set<number>();
  #mostThatFit: number | undefined;
  readonly #spare: number[] = [];
  #newest: number | undefined;
  #next = 0;
  #total = 0;

  constructor(nics: number) {
    this.#most = Math.max(1, Math.min(GROUPS_A_SOCKET, Math.floor(MEMBERSHIPS_A_SOCKET / Math.max(1, nics))));
    this.#capacity = this.#most;
  }

  /** How many sockets are open. */
  get sockets(): number {
    return this.#groups.size;
  }

  groupsIn(socket: number): number {
    return this.#groups.get(socket) ?? 0;
  }

  /** A place for one more group. `opened`: the socket is new, and to be opened. */
  place(): { readonly socket: number; readonly opened: boolean } {
    const socket = this.#choose();
    if (socket !== undefined) {
      this.#count(socket, 1);
      return { socket, opened: false };
    }
    const fresh = this.#spare.pop() ?? this.#next++;
    this.#groups.set(fresh, 0);
    this.#newest = fresh;
    this.#count(fresh, 1);
    return { socket: fresh, opened: true };
  }

  /** A group left its socket. Answers whether that was the last one there, and the socket is to be closed. */
  release(socket: number): boolean {
    if (this.groupsIn(socket) === 1) {
      this.forget(socket);
      return true;
    }
    this.#count(socket, -1);
    return false;
  }

  /** The socket is closed, or could not be opened. */
  forget(socket: number): void {
    if (!this.#groups.has(socket)) return;
    this.#total -= this.groupsIn(socket);
    this.#groups.delete(socket);
    this.#roomy.delete(socket);
    this.#full.delete(socket);
    this.#spare.push(socket);
    if (this.#newest === socket) this.#newest = [...this.#groups.keys()].pop();
  }

  /**
   * The OS took no more than so many groups in this socket, which gets no more. Once can be a moment's
   * want of memory. A second socket shows what bounds them all, and from then on nobody tries more.
   */
  full(socket: number, groups: number): void {
    this.#roomy.delete(socket);
    this.#full.add(socket);
    if (this.#mostThatFit === undefined) {
      this.#mostThatFit = groups;
      return;
    }
    this.#mostThatFit = Math.max(this.#mostThatFit, groups);
    this.#capacity = Math.max(1, Math.min(this.#most, this.#mostThatFit));
    for (const [one, held] of this.#groups) if (held >= this.#capacity) this.#roomy.delete(one);
  }

  #choose(): number | undefined {
    if (this.#newest !== undefined && this.#roomy.has(this.#newest)) return this.#newest;
    if (2 * this.#total >= this.#groups.size * this.#capacity) return undefined;
    const [first] = this.#roomy;
    return first;
  }

  #count(socket: number, change: 1 | -1): void {
    const groups = this.groupsIn(socket) + change;
    this.#groups.set(socket, groups);
    this.#total += change;
    if (groups < this.#capacity && !this.#full.has(socket)) this.#roomy.add(socket);
    else this.#roomy.delete(socket);
  }
}
