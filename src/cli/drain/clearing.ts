/**
 * Takes away what was listed, in an order that leaves no traffic half-way: VMMs first, so that nobody is a member any
 * more, then what is sent to other sleds, then the mappings that both went by. What fails is kept, and the rest is done.
 */
import { messageOf } from "../../error.ts";
import { type AgentClient, AgentRefusal, type Method } from "../client.ts";
import type { Holdings } from "./holdings.ts";
import { patiently } from "./patience.ts";

export interface Failure {
  readonly what: "VMM" | "configuration" | "forwarding" | "mapping";
  readonly subject: string;
  /** In the agent's words. */
  readonly error: string;
}

interface Step extends Pick<Failure, "what" | "subject"> {
  readonly method: Method;
  readonly path: string;
  readonly body?: object;
}

/** Somebody else took it away meanwhile, which is as good. */
const isGone = (error: unknown) => error instanceof AgentRefusal && error.status === 404;

async function runAll(client: AgentClient, steps: readonly Step[]): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const { what, subject, method, path, body } of steps) {
    try {
      await patiently(() => client.call(method, path, body));
    } catch (error) {
      if (!isGone(error)) failures.push({ what, subject, error: messageOf(error) });
    }
  }
  return failures;
}

const DELETE = "DELETE" as const;

export async function clearAll(client: AgentClient, holdings: Holdings): Promise<readonly Failure[]> {
  const { vmms, generation, entries, mappings } = holdings;
  const ofVmms = await runAll(
    client,
    vmms.map(({ propolis_id: id }) => ({ what: "VMM", subject: id, method: DELETE, path: `/vmms/${id}` })),
  );
  const release: readonly Step[] =
    generation === null
      ? []
      : [{ what: "configuration", subject: `generation ${generation}`, method: DELETE, path: "/multicast/config" }];
  const ofConfig = await runAll(client, release);
  // While it is in force the agent refuses to change single entries.
  if (ofConfig.length > 0) return [...ofVmms, ...ofConfig];
  const ofEntries = await runAll(
    client,
    entries.map(({ underlay }) => ({
      what: "forwarding",
      subject: underlay,
      method: DELETE,
      path: "/networking/mcast-fwd",
      body: { underlay },
    })),
  );
  const ofMappings = await runAll(
    client,
    mappings.map(({ group, underlay }) => ({
      what: "mapping",
      subject: group,
      method: DELETE,
      path: "/networking/mcast-m2p",
      body: { group, underlay },
    })),
  );
  return [...ofVmms, ...ofEntries, ...ofMappings];
}
