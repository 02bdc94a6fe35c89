/**
 * What a script can tell a running model: to fail, to be slow, to be away, to change what only a
 * guest or an operator changes. Bad orders are refused with their reason and change nothing.
 */
import { badRequest } from "../error.ts";
import { DriverError, type OpteError } from "../opte/error.ts";
import type { Fault } from "../opte/model/faults.ts";
import type { DriverModel } from "../opte/model/model.ts";
import type { CommandName, PortState } from "../opte/types.ts";
import { type ApiVersion, knownVersion, wireCommand } from "../opte/versions.ts";
import { illumosErrnoNamed } from "./errno.ts";

/** A command's fault that is no answer: the connection is cut, as when a driver goes away. */
export class CutOff extends Error {
  override readonly name = "CutOff";
}

/** What the script can set beside the model itself. */
export interface Moods {
  version: ApiVersion;
  /** Name of the errno that open answers; undefined: it succeeds. */
  openFails: string | undefined;
}

type Order = Readonly<Record<string, unknown>>;

const ORDERS = ["tables", "fail", "delay", "cut", "clear-faults", "open", "api-version", "port"] as const;

export const SCRIPT_HELP = `Orders, as JSON objects with the key "order":
  {"order":"tables"}                                       what the tables hold
  {"order":"fail","command":"SetMcast2Phys","errno":"EIO"} fails once, before its effect;
                                                           "when":"after" for after,
                                                           "times":N, "skip":N; no "command": any
  {"order":"delay","command":"DumpMcast2Phys","ms":500}    answers late
  {"order":"cut","command":"McastSubscribe"}               no answer: the connection ends
  {"order":"clear-faults"}
  {"order":"open","errno":"EPERM"}                         open fails from now on; no "errno": works
  {"order":"api-version","version":40}                     speaks that from now on
  {"order":"port","name":"opte0","state":"running","busy":true}`;

function textOf(order: Order, key: string): string | undefined {
  const value = order[key];
  if (value !== undefined && typeof value !== "string") throw badRequest(`${key} must be a text`);
  return value;
}

function countOf(order: Order, key: string): number | undefined {
  const value = order[key];
  if (value !== undefined && !(Number.isInteger(value) && (value as number) >= 0)) {
    throw badRequest(`${key} must be a whole number, 0 or more`);
  }
  return value as number | undefined;
}

function commandOf(order: Order, version: ApiVersion): CommandName | undefined {
  const name = textOf(order, "command");
  if (name !== undefined && wireCommand(version, name as CommandName) === undefined) {
    throw badRequest(`command: the model has no ${name}`);
  }
  return name as CommandName | undefined;
}

function errnoOf(order: Order, key: string): string | undefined {
  const name = textOf(order, key);
  if (name !== undefined && illumosErrnoNamed(name) === undefined) throw badRequest(`${key}: no errno ${name} here`);
  return name;
}

function faultOf(order: Order, version: ApiVersion): Fault {
  const command = commandOf(order, version);
  const when = textOf(order, "when") ?? "before";
  if (when !== "before" && when !== "after") throw badRequest(`when: ${when} is neither before nor after`);
  const [times, skip] = [countOf(order, "times"), countOf(order, "skip")];
  return {
    when,
    ...(command === undefined ? {} : { command }),
    ...(times === undefined ? {} : { times }),
    ...(skip === undefined ? {} : { skip }),
  };
}

function failure(order: Order): NonNullable<Fault["error"]> {
  const name = errnoOf(order, "errno") ?? "EIO";
  const opte: OpteError = { variant: "System", errno: illumosErrnoNamed(name) ?? 0, msg: "asked for by a script" };
  return (command) => new DriverError(command, opte);
}

function setPort(model: DriverModel, order: Order): void {
  const name = textOf(order, "name");
  const state = textOf(order, "state");
  const { busy } = order;
  if (name === undefined || !model.tables.ports.some(({ create }) => create.name === name)) {
    throw badRequest(`name: there is no port ${name}`);
  }
  if (state !== undefined && !["ready", "running", "paused", "restored"].includes(state)) {
    throw badRequest(`state: ${state} is no state of a port`);
  }
  if (busy !== undefined && typeof busy !== "boolean") throw badRequest("busy must be true or false");
  model.setPort({
    name,
    ...(state === undefined ? {} : { state: state as PortState }),
    ...(busy === undefined ? {} : { busy }),
  });
}

/** Carries an order out. @returns what there is to tell. */
export function obey(model: DriverModel, moods: Moods, given: unknown): unknown {
  if (typeof given !== "object" || given === null) throw badRequest("an order is a JSON object");
  const order = given as Order;
  switch (order.order) {
    case "tables":
      return model.tables;
    case "fail":
      model.faults.inject({ ...faultOf(order, moods.version), error: failure(order) });
      return {};
    case "delay":
      model.faults.inject({ ...faultOf(order, moods.version), delay: countOf(order, "ms") ?? 1000 });
      return {};
    case "cut":
      model.faults.inject({ ...faultOf(order, moods.version), error: () => new CutOff("asked for by a script") });
      return {};
    case "clear-faults":
      model.faults.clear();
      return {};
    case "open":
      moods.openFails = errnoOf(order, "errno");
      return {};
    case "api-version": {
      const version = knownVersion(countOf(order, "version") ?? 0);
      if (version === undefined) throw badRequest("version: 38, 39, 40 and 41 are known");
      moods.version = version;
      return {};
    }
    case "port":
      setPort(model, order);
      return {};
    default:
      throw badRequest(`order: ${JSON.stringify(order.order)} is not one of ${ORDERS.join(", ")}`);
  }
}
