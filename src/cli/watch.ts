/** `watch`: what changes on the sled, as it changes. */
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { messageOf, SledcastError } from "../error.ts";
import type { EventData, EventKind } from "../events.ts";
import { AgentRefusal } from "./client.ts";
import { action, type Context } from "./context.ts";
import { EventReader, type ServerEvent } from "./event-reader.ts";
import { formatFilter, formatSources } from "./table.ts";

interface WatchOptions {
  readonly kinds?: string;
  readonly since?: string;
}

/** How long between tries to reach an agent that went away. */
const PAUSE_MS = 1000;

const because = (reason: string | undefined) => (reason === undefined ? "" : `: ${reason}`);
const byOthers = (by: string) => (by === "others" ? ", by others" : "");
const ofVmm = (id: string | undefined) => (id === undefined ? "" : ` of VMM ${id}`);

const SAY: { readonly [K in EventKind]: (data: EventData[K]) => string } = {
  mapping: ({ group, underlay, before, by }) =>
    `${group} ${underlay === null ? "cleared" : `in ${underlay}`}${before === null ? "" : `, was in ${before}`}${byOthers(by)}`,
  forwarding: ({ underlay, next_hops: hops, by }) => {
    const to = hops?.map(({ next_hop: hop, replication, filter }) => {
      const any = filter.mode === "exclude" && filter.sources.length === 0;
      return `${hop} ${replication}${any ? "" : ` ${formatFilter(filter)}`}`;
    });
    return `${underlay} ${to === undefined ? "cleared" : `to ${to.join(", ") || "nobody"}`}${byOthers(by)}`;
  },
  membership: ({ port, group, propolis_id: id, state, sources, reason }) =>
    `${group} on ${port ?? "no port"}${ofVmm(id)}, sources ${formatSources(sources)}: ${state}${because(reason)}`,
  filter: ({ underlay, change, groups, reason }) =>
    `${underlay ?? `${groups} underlay groups`} ${change}${because(reason)}`,
  port: ({ name, change, propolis_id: id }) => `${name}${ofVmm(id)} ${change}`,
  drift: ({ what, subject, repaired, error }) => {
    const of = Object.entries(subject).map(([key, value]) => `${key} ${value}`);
    return `${what} (${of.join(", ")}): ${error ?? (repaired ? "repaired" : "left")}`;
  },
};

/** One line for people. An agent that is newer can have kinds that are not known here. */
export function describeEvent({ event, data }: ServerEvent): string {
  const { time, ...fields } = JSON.parse(data);
  const say = Object.hasOwn(SAY, event) ? (SAY[event as EventKind] as (data: object) => string) : undefined;
  const text = say?.(fields) ?? fields.reason ?? JSON.stringify(fields);
  return `${time ?? new Date().toISOString()}  ${event.padEnd(10)}  ${text}`;
}

function asJson({ id, event, data }: ServerEvent): string {
  return JSON.stringify({ id: Number(id), event, data: JSON.parse(data) });
}

const note = (text: string) => process.stderr.write(`sledcast: ${text}\n`);

/** While it is away or has no room, an agent that was followed once is worth waiting for; one that refuses the request is not. */
const isAway = (error: unknown) => error instanceof AgentRefusal && (error.status === undefined || error.status >= 500);

const isEventNumber = (text: string) => /^\d+$/.test(text) && Number.isSafeInteger(Number(text));

async function follow(context: Context, { kinds, since }: WatchOptions): Promise<never> {
  if (since !== undefined && !isEventNumber(since)) {
    throw new SledcastError("bad-request", `--since: ${since} is not an event's number`);
  }
  const reader = new EventReader(since);
  const path = `/multicast/events${kinds === undefined ? "" : `?kinds=${encodeURIComponent(kinds)}`}`;
  const line = context.json ? asJson : describeEvent;
  let known = false;
  let away = false;
  for (;;) {
    try {
      const chunks = await context.client.stream(
        path,
        reader.lastId === undefined ? {} : { "last-event-id": reader.lastId },
      );
      if (away) note("connected again");
      [known, away] = [true, false];
      for await (const event of reader.read(chunks)) process.stdout.write(`${line(event)}\n`);
      note("the agent ended the stream; connecting again");
      away = true;
    } catch (error) {
      if (!known || !isAway(error)) throw error;
      if (!away) note(`${messageOf(error)}; trying again until it is back`);
      away = true;
    }
    await pause(PAUSE_MS);
  }
}

export function watchCommand(program: Command): void {
  const watch = program
    .command("watch")
    .description("what changes, as it changes; ends at Ctrl-C")
    .option("--kinds <list>", "only these, comma-separated: mapping, forwarding, membership, filter, port, drift")
    .option("--since <id>", "what came after this event, too");
  action<[WatchOptions]>(watch, async (context, options) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(0));
    await follow(context, options);
  });
}
