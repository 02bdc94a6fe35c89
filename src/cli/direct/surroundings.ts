/** What the verbs work with that is not in their arguments: the driver, datalink ids, input and output. */
import { text } from "node:stream/consumers";
import type { Datalinks } from "../../host/datalinks.ts";
import type { Log } from "../../log.ts";
import type { Driver } from "../../opte/driver.ts";

export interface Surroundings {
  openDriver(xdeDevice: string): Promise<Driver>;
  openDatalinks(): Promise<Datalinks>;
  /** Standard input to its end. */
  readInput(): Promise<string>;
  write(text: string): void;
  /** One line for the person at the terminal. */
  warn(line: string): void;
}

/** What the transport has to say comes back as the error of the command. */
const QUIET: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What reaches the driver is loaded when a verb is carried out: not for help, nor for a verb that is wrong. */
async function openDriver(path: string): Promise<Driver> {
  const [{ loadBinding }, { Driver }, { Xde }] = await Promise.all([
    import("../../host/bindings.ts"),
    import("../../opte/driver.ts"),
    import("../../opte/xde.ts"),
  ]);
  const { binding } = await loadBinding();
  return new Driver(new Xde({ binding, path, log: QUIET }));
}

export const PROCESS: Surroundings = {
  openDriver,
  openDatalinks: async () => (await import("../../open-datalinks.ts")).openDatalinks(QUIET),
  readInput: () => text(process.stdin),
  write: (output) => {
    process.stdout.write(output);
  },
  warn: (line) => {
    process.stderr.write(`sledcast: ${line}\n`);
  },
};
