/** An agent may limit how fast one client asks (`limits.rate`); a drain has many questions, and time. */
import { setTimeout as pause } from "node:timers/promises";
import { AgentRefusal } from "../client.ts";

/** What the agent says with a 429: after that there is room again. */
const PAUSE_MS = 1000;
const MOST_PAUSES = 60;

const isTooFast = (error: unknown) => error instanceof AgentRefusal && error.status === 429;

export async function patiently<T>(ask: () => Promise<T>, pauseMs = PAUSE_MS): Promise<T> {
  for (let paused = 0; ; paused++) {
    try {
      return await ask();
    } catch (error) {
      if (!isTooFast(error) || paused === MOST_PAUSES) throw error;
      await pause(pauseMs);
    }
  }
}
