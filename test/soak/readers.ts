/** Clients that only read: lists, counters, and the events, of which none may be missing or out of order. */
import { EventReader } from "../../src/cli/event-reader.ts";
import { propolis } from "../harness/registration.ts";
import type { Sender } from "./sender.ts";
import { vmmNumbers } from "./vmms.ts";

const LISTS = [
  "/networking/mcast-m2p",
  "/networking/mcast-fwd",
  "/networking/mcast-subs",
  "/networking/mcast-filters",
  "/networking/ports",
  "/networking/ports?stats=true",
  "/vmms",
  "/v2p",
  "/vpc-routes",
  "/multicast/status",
  "/metrics",
  "/readyz",
  "/openapi.json",
  ...vmmNumbers.map((n) => `/vmms/${propolis(n)}/multicast-group`),
] as const;

export async function readSomething(sender: Sender): Promise<void> {
  const where = sender.chance.pick(LISTS);
  const { status, text } = await sender.agent.call("GET", where);
  // A VMM can be away.
  if (status !== 200 && !(where.startsWith("/vmms/") && status === 404)) {
    throw new Error(`GET ${where}: ${status} ${text}`);
  }
  if (where !== "/metrics") JSON.parse(text);
  sender.count("list");
}

/** Follows the events, hangs up now and then and goes on where it was. Of one life of the agent. */
export async function followEvents(sender: Sender): Promise<void> {
  let lastId: string | undefined;
  const follow = async () => {
    const from: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId };
    const response = await sender.agent.open("GET", "/multicast/events", "", from);
    if (response.statusCode !== 200) throw new Error(`the events are answered with ${response.statusCode}`);
    const hangUp = () => void response.destroy();
    sender.signal.addEventListener("abort", hangUp);
    if (sender.stopping) hangUp();
    try {
      await readEvents(response.setEncoding("utf8") as AsyncIterable<string>);
    } catch (error) {
      if (!sender.stopping) throw error;
    } finally {
      sender.signal.removeEventListener("abort", hangUp);
      hangUp();
    }
  };
  const readEvents = async (chunks: AsyncIterable<string>) => {
    let left = 1 + sender.chance.below(2000);
    for await (const { id, event } of new EventReader(lastId).read(chunks)) {
      const expected = lastId === undefined ? id : String(Number(lastId) + 1);
      if (event !== "reset" && id !== expected) throw new Error(`event ${id} came where ${expected} was due`);
      lastId = id;
      sender.count("event");
      if (--left <= 0 || sender.stopping) return;
    }
  };
  await sender.repeat(follow);
}
