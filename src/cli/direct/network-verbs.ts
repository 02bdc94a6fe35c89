/** Which networks a port may use beside its own address, and its external addresses. */
import type { Command } from "commander";
import { messageOf, SledcastError } from "../../error.ts";
import type { Cidr } from "../../net/cidr.ts";
import type { Driver } from "../../opte/driver.ts";
import type { Direction } from "../../opte/types.ts";
import * as argument from "./arguments.ts";
import { type ExternalOptions, externalOptions, externalsOf } from "./external-options.ts";
import { type OnPort, onPort, type VerbSet } from "./verb-set.ts";

interface OneWay extends OnPort {
  readonly dir?: Direction;
}

type Step = (direction: Direction) => Promise<unknown>;

/** Both directions or none. What cannot be taken back is said. */
async function bothWays(step: Step, undo: Step): Promise<void> {
  await step("in");
  try {
    await step("out");
  } catch (error) {
    await undo("in").catch((failure: unknown) => {
      const left = `${messageOf(error)}; the change for what comes in could not be taken back: ${messageOf(failure)}`;
      throw new SledcastError("driver-refused", left);
    });
    throw error;
  }
}

const allow =
  (driver: Driver, port: string, cidr: Cidr): Step =>
  (direction) =>
    driver.allowCidr({ port, cidr, direction });

const remove =
  (driver: Driver, port: string, cidr: Cidr): Step =>
  async (direction) => {
    if ((await driver.removeCidr({ port, cidr, direction })) !== undefined) return;
    throw new SledcastError("not-found", `${port} does not allow ${cidr} for what goes ${direction}`);
  };

const prefix = (command: Command) => command.argument("<prefix>", "the network", argument.cidrArgument);
const way = (command: Command) =>
  command.option("--dir <direction>", "in or out; left out: both", argument.directionArgument);

export function networkVerbs(verbs: VerbSet): void {
  const changes = [
    ["allow-cidr", "let a port send to and receive for a network", allow, remove],
    ["remove-cidr", "allow a network no longer", remove, allow],
  ] as const;
  for (const [verb, description, step, undo] of changes) {
    verbs.order<[Cidr, OneWay]>(
      way(prefix(onPort(verbs.command(verb, description)))),
      async (driver, cidr, { port, dir }) => {
        const run = step(driver, port, cidr);
        await (dir === undefined ? bothWays(run, undo(driver, port, cidr)) : run(dir));
      },
    );
  }
  verbs.order<[Cidr, OnPort & { readonly external?: boolean }]>(
    prefix(onPort(verbs.command("attach-subnet", "give a port a network of its own"))).option(
      "-e, --external",
      "of external addresses: not translated",
    ),
    (driver, cidr, { port, external = false }) => driver.attachSubnet({ port, cidr, isExternal: external }),
  );
  verbs.order<[Cidr, OnPort]>(
    prefix(onPort(verbs.command("detach-subnet", "take a network from a port"))),
    (driver, cidr, { port }) => driver.detachSubnet({ port, cidr }),
  );
  verbs.order<[OnPort & ExternalOptions]>(
    externalOptions(onPort(verbs.command("set-external-ips", "replace a port's external addresses"))),
    (driver, { port, ...options }) =>
      driver.setExternalIps({
        port,
        v4: undefined,
        v6: undefined,
        ...externalsOf(options),
        internetGateways: undefined,
      }),
  );
}
