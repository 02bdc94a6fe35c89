/**
 * Moves of memberships: off an adopted port, or from one to another. They take several steps, so the
 * ports that a move touches are in the ledger from before the first step until it is done or taken
 * back whole, and a start settles those of a move that a crash interrupted.
 */
import type { Ledger, LedgerChange } from "../intent/ledger.ts";
import { type Undo, UndoFailedError, withUndo } from "../intent/undo.ts";
import type { Log } from "../log.ts";
import type { Subscriptions } from "../multicast/subscriptions.ts";
import type { Uuid } from "../uuid.ts";
import { type Move, moveChange, readMoves } from "./records.ts";
import type { Vmm } from "./vmm.ts";

export class Moves {
  readonly #subscriptions: Subscriptions;
  readonly #ledger: Ledger;
  readonly #log: Log;
  /** Those that ended neither here nor there: in the ledger until their ports are settled. */
  readonly #unfinished = new Map<Uuid, Move>();

  constructor(subscriptions: Subscriptions, ledger: Ledger, log: Log) {
    this.#subscriptions = subscriptions;
    this.#ledger = ledger;
    this.#log = log;
  }

  /** Moves what the VMM has on these ports. The body records `done` with what it decides. */
  async run(vmm: Vmm, ports: readonly string[], body: (undo: Undo) => Promise<void>): Promise<void> {
    const underlays = this.#subscriptions.driver.underlaysOf([...vmm.memberships.keys()]);
    const move = together({ ports, underlays }, this.#unfinished.get(vmm.id));
    if (ports.length > 0 && underlays.length > 0) await this.#ledger.record([moveChange(vmm.id, move)]);
    try {
      await withUndo(body);
    } catch (error) {
      // What is taken back needs no settling.
      if (error instanceof UndoFailedError) this.#unfinished.set(vmm.id, move);
      else this.#ledger.note([this.done(vmm.id)]);
      throw error;
    }
  }

  /** What is recorded when a move of this VMM is done; an earlier one may not be. */
  done(id: Uuid): LedgerChange {
    return moveChange(id, this.#unfinished.get(id));
  }

  /** After a start: the ends of moves that a crash interrupted are brought to what the books say. */
  async finish(): Promise<void> {
    for (const { id, move } of readMoves(this.#ledger)) {
      this.#log.warn({ propolis_id: id, ...move }, "a move of memberships was interrupted; its ports are settled");
      await this.#subscriptions.settling.settle(move.ports, move.underlays);
      this.#unfinished.set(id, move);
    }
    this.forgetSettled();
  }

  /** Kept for longer, they would have a later start settle ports that are others' by then. */
  forgetSettled(): void {
    for (const [id, { ports, underlays }] of this.#unfinished) {
      if (!this.#subscriptions.settling.isSettled(ports, underlays)) continue;
      this.#unfinished.delete(id);
      this.#ledger.note([moveChange(id, undefined)]);
    }
  }
}

function together(move: Move, other: Move | undefined): Move {
  if (other === undefined) return move;
  return {
    ports: [...new Set([...move.ports, ...other.ports])],
    underlays: [...new Set([...move.underlays, ...other.underlays])],
  };
}
