/** `sledcast --direct` in this process, over a driver model that the test can look into. */
import { Command, CommanderError } from "commander";
import { expect } from "vitest";
import type { Surroundings } from "../../src/cli/direct/surroundings.ts";
import { directVerbs } from "../../src/cli/direct/verbs.ts";
import { isKind } from "../../src/error.ts";
import { CountedDatalinks, type Datalinks } from "../../src/host/datalinks.ts";
import { Driver, type DriverInfo } from "../../src/opte/driver.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { CommandName, Request, Response } from "../../src/opte/types.ts";
import { port } from "../opte/kit.ts";

export interface DirectOptions {
  readonly model?: DriverModel;
  readonly input?: string;
  readonly apiVersion?: number;
  /** In the place of those that this process counts. */
  readonly datalinks?: Datalinks;
  /** Answered in the model's place. */
  readonly replies?: { readonly [C in CommandName]?: Response<C> };
}

export class Direct {
  readonly model: DriverModel;
  readonly links = new CountedDatalinks();
  readonly sent: { readonly command: CommandName; readonly req: unknown }[] = [];
  readonly warnings: string[] = [];
  #output = "";
  readonly #around: Surroundings;

  constructor({ model = new DriverModel(), input = "", apiVersion = 41, datalinks, replies = {} }: DirectOptions = {}) {
    this.model = model;
    const info: DriverInfo = { kind: "xde", apiVersion, through: "a test" };
    const call = async <C extends CommandName>(command: C, req: Request<C>): Promise<Response<C>> => {
      this.sent.push({ command, req });
      return command in replies ? (replies[command] as Response<C>) : model.call(command, req);
    };
    this.#around = {
      openDriver: async () => new Driver({ info, call, close: async () => {} }),
      openDatalinks: async () => datalinks ?? this.links,
      readInput: async () => input,
      write: (text) => {
        this.#output += text;
      },
      warn: (line) => this.warnings.push(line),
    };
  }

  /** Carries a command line out. @returns what it printed. @throws what would have been printed on stderr. */
  async run(...args: string[]): Promise<string> {
    this.#output = "";
    await this.#program().parseAsync(args, { from: "user" });
    return this.#output;
  }

  /** The only request that a command line sends. */
  async requestOf(...args: string[]): Promise<unknown> {
    const before = this.sent.length;
    await this.run(...args);
    return this.sent[before]?.req;
  }

  get verbs(): string[] {
    return this.#program().commands.map((command) => command.name());
  }

  helpOf(verb: string): string | undefined {
    return this.#program()
      .commands.find((command) => command.name() === verb)
      ?.helpInformation();
  }

  #program(): Command {
    const program = new Command("sledcast")
      .option("--json")
      .option("--xde-device <path>", "", "/dev/xde")
      .exitOverride()
      .configureOutput({ writeOut: () => {}, writeErr: () => {} });
    directVerbs(program, this.#around);
    return program;
  }
}

export const RULE = "-".repeat(70);
export const BOLD = "=".repeat(70);

/** With one port, `opte0`, that somebody has opened. */
export async function withPort(input = ""): Promise<Direct> {
  const model = new DriverModel({ portsStart: "running" });
  await model.call("CreateXde", port(0));
  return new Direct({ model, input });
}

/** Such a command line ends with status 2. */
export const isUsage = (error: unknown) => error instanceof CommanderError || isKind(error, "bad-request");

export async function errorOf(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}
