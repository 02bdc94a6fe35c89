/**
 * SIGHUP: the settings are read again, from where they came. What a running daemon can take up it
 * takes up, all of it or nothing; of the rest it is said that it waits for a restart.
 */
import { type Config, KEY_OF } from "./config.ts";
import { messageOf } from "./error.ts";
import type { Log } from "./log.ts";

type Field = keyof Config;
const FIELDS = Object.keys(KEY_OF) as Field[];

/** A part of the daemon that can go on with other settings. */
export interface Follower {
  readonly fields: readonly Field[];
  /**
   * True where all of it has to wait for the restart that something else waits for: a door that may be
   * open at another address must not be opened at this one.
   */
  waits?(config: Config): boolean;
  /**
   * Looks at the settings and at the files they name; throws where these cannot be used. What it
   * answers puts them in force, and tells what became different without a setting: a file's content.
   */
  prepare(config: Config): Promise<() => readonly string[]>;
}

/** Is told, once the daemon listens, what of it can go on with other settings. */
export type Follow = (followers: readonly Follower[], log: Log) => void;

interface Difference {
  readonly setting: string;
  readonly from: unknown;
  readonly to: unknown;
}

function differences(from: Config, to: Config, fields: readonly Field[]): Difference[] {
  const changed = fields.filter((field) => JSON.stringify(from[field]) !== JSON.stringify(to[field]));
  return changed.map((field) => ({ setting: KEY_OF[field], from: from[field] ?? null, to: to[field] ?? null }));
}

function sentence(changed: readonly Difference[], renewed: readonly string[], waiting: readonly Difference[]): string {
  const parts = [...changed.map(({ setting }) => `${setting} changed`), ...renewed];
  const said = parts.length === 0 ? "nothing changed" : parts.join(", ");
  const held = waiting.map(({ setting }) => setting).join(", ");
  return `settings read again: ${said}${held === "" ? "" : `; at the next restart: ${held}`}`;
}

export class Reload {
  /** What the daemon runs with. */
  #running: Config;
  readonly #read: () => Promise<Config>;
  readonly #followers: readonly Follower[];
  readonly #log: Log;

  constructor(running: Config, read: () => Promise<Config>, followers: readonly Follower[], log: Log) {
    this.#running = running;
    this.#read = read;
    this.#followers = followers;
    this.#log = log;
  }

  /** Does not fail: what cannot be used is told, and everything stays. */
  async run(): Promise<void> {
    try {
      const config = await this.#read();
      const able = this.#followers.filter((one) => one.waits?.(config) !== true);
      const takeUps = await Promise.all(able.map((one) => one.prepare(config)));
      const renewed = takeUps.flatMap((takeUp) => takeUp());
      const followed = able.flatMap(({ fields }) => fields);
      const changed = differences(this.#running, config, followed);
      const now = Object.fromEntries(followed.map((field) => [field, config[field]]));
      this.#running = { ...this.#running, ...now };
      const waiting = differences(this.#running, config, FIELDS);
      this.#log.info({ changed, renewed, waiting }, sentence(changed, renewed, waiting));
    } catch (error) {
      const message = "the settings cannot be used; the daemon goes on with those it has";
      this.#log.error({ error: messageOf(error) }, message);
    }
  }
}

/**
 * Hangups, caught from the first moment on: one that comes before the daemon serves must not end it.
 * Several in a row are one.
 */
export class Hangups {
  #act: (() => Promise<void>) | undefined;
  #pending = false;
  #running = false;

  constructor() {
    process.on("SIGHUP", () => {
      this.#pending = true;
      void this.#run();
    });
  }

  follow(act: () => Promise<void>): void {
    this.#act = act;
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#running || this.#act === undefined) return;
    this.#running = true;
    while (this.#pending) {
      this.#pending = false;
      await this.#act();
    }
    this.#running = false;
  }
}
