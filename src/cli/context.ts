/** What every command works with: the agent, and where output goes. */
import type { Command } from "commander";
import { AgentClient } from "./client.ts";
import { stringifyExact } from "./exact-json.ts";
import { formatTable, type Row } from "./table.ts";
import type { Access } from "./target.ts";

export interface GlobalOptions extends Access {
  readonly agent: string;
  readonly json?: boolean;
}

export class Context {
  readonly client: AgentClient;
  /** JSON is asked for. */
  readonly json: boolean;

  /** `patienceMs`: for an answer; left out: longer than the agent lets anybody wait. */
  constructor({ agent, json, ...access }: GlobalOptions, patienceMs?: number) {
    this.client = new AgentClient(agent, access, patienceMs);
    this.json = json ?? false;
  }

  /** JSON for programs, with `--json`; else what `human` makes of it. */
  print<T>(value: T, human: (value: T) => string): void {
    process.stdout.write(this.json ? `${stringifyExact(value, 2)}\n` : human(value));
  }

  /** A list, one row an item. `parse`: for numbers of more bits than a double has. */
  async list<T>(
    path: string,
    head: readonly string[],
    rows: (items: readonly T[]) => readonly Row[],
    parse?: (text: string) => unknown,
  ): Promise<void> {
    const items = (await this.client.call("GET", path, undefined, parse)) as readonly T[];
    this.print(items, () => (items.length === 0 ? "none\n" : formatTable(head, rows(items))));
  }
}

/** Runs a command's action with the context that the global options make. */
export function action<Args extends readonly unknown[]>(
  command: Command,
  run: (context: Context, ...args: Args) => Promise<void>,
): Command {
  return command.action(async (...args: unknown[]) => {
    const self = args.at(-1) as Command;
    // Commander hands over the arguments, then the command's options, then the command.
    await run(new Context(self.optsWithGlobals<GlobalOptions>()), ...(args.slice(0, -1) as unknown as Args));
  });
}
