/**
 * Operations of several steps that end in the old state or the new one. Each step leaves behind
 * how to take it back; a later failure takes them back in reverse. Where taking back fails too,
 * the caller is told that nobody knows, and what is unsettled is left to the repair.
 */
import { messageOf, SledcastError } from "../error.ts";

export type UndoStep = () => Promise<unknown>;

/** An operation failed and so did its undo: the state is neither the old nor the new one for sure. */
export class UndoFailedError extends SledcastError {
  override readonly name = "UndoFailedError";

  constructor(cause: unknown, undoing: unknown) {
    const unavailable = cause instanceof SledcastError && cause.kind === "driver-unavailable";
    super(
      unavailable ? "driver-unavailable" : "driver-busy",
      `${messageOf(cause)}; taking it back failed too (${messageOf(undoing)}), so the agent keeps repairing it; try again`,
      { cause },
    );
  }
}

/** Registers how to take back a step. */
export type Undo = (step: UndoStep) => void;

export async function withUndo<T>(body: (undo: Undo) => Promise<T>): Promise<T> {
  const steps: UndoStep[] = [];
  try {
    return await body((step) => steps.push(step));
  } catch (error) {
    await takeBack(steps, error);
    throw error;
  }
}

/** Every step is tried, also after one that failed. */
async function takeBack(steps: readonly UndoStep[], cause: unknown): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  for (const step of [...steps].reverse()) {
    try {
      await step();
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw new UndoFailedError(cause, failure.error);
}
