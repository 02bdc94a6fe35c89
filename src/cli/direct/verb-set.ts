/** How a verb is carried out: over a driver that is opened for it, saying nothing or printing one value. */
import { type Command, Help } from "commander";
import type { Driver } from "../../opte/driver.ts";
import { nameArgument } from "./arguments.ts";
import type { Surroundings } from "./surroundings.ts";

interface DirectOptions {
  readonly xdeDevice: string;
  readonly json?: boolean;
}

export interface OnPort {
  readonly port: string;
}

export const onPort = (command: Command) => command.requiredOption("-p, --port <port>", "the OPTE port", nameArgument);

/** A command's own arguments come before commander's options and the command itself. */
function optionsOf(args: readonly unknown[]): DirectOptions {
  return (args.at(-1) as Command).optsWithGlobals<DirectOptions>();
}

/** Numbers of 64 bits are written as numbers. */
async function jsonOf(value: unknown): Promise<string> {
  const { stringify } = await import("lossless-json");
  return `${stringify(value, undefined, 2)}\n`;
}

export class VerbSet {
  readonly #program: Command;
  readonly around: Surroundings;

  constructor(program: Command, around: Surroundings) {
    // The verbs' help takes it from the program's: commander itself does not tell what must be given.
    this.#program = program.configureHelp({
      optionDescription: (option) => {
        const description = new Help().optionDescription(option);
        return option.mandatory ? `${description} (required)` : description;
      },
    });
    this.around = around;
  }

  command(name: string, description: string): Command {
    return this.#program.command(name).description(description);
  }

  /** A verb that changes something, and says nothing when it did. */
  order<Args extends readonly unknown[]>(
    command: Command,
    run: (driver: Driver, ...args: Args) => Promise<unknown>,
  ): void {
    command.action((...args: unknown[]) =>
      this.#withDriver(optionsOf(args), async (driver) => {
        await run(driver, ...(args as unknown as Args));
      }),
    );
  }

  /** A verb that prints a table. */
  dump<T, Args extends readonly unknown[]>(
    command: Command,
    read: (driver: Driver, ...args: Args) => Promise<T>,
    print: (table: T, ...args: Args) => string,
  ): void {
    command.action((...args: unknown[]) => {
      const options = optionsOf(args);
      const own = args as unknown as Args;
      return this.#withDriver(options, async (driver) => {
        const table = await read(driver, ...own);
        this.around.write(options.json ? await jsonOf(table) : print(table, ...own));
      });
    });
  }

  async #withDriver(options: DirectOptions, run: (driver: Driver) => Promise<void>): Promise<void> {
    const driver = await this.around.openDriver(options.xdeDevice);
    try {
      await run(driver);
    } finally {
      await driver.close();
    }
  }
}
