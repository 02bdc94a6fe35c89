/**
 * `sledcast --direct`: straight at the driver, without an agent, in opteadm's verbs, argument
 * order and tables. A running agent takes up what is changed here, or repairs it, at its next
 * audit.
 */
import type { Command } from "commander";
import { boundaryVerbs, v2pVerbs } from "./address-verbs.ts";
import { layerVerbs } from "./layer-verbs.ts";
import { forwardingVerbs, mappingVerbs, subscriptionVerbs } from "./mcast-verbs.ts";
import { networkVerbs } from "./network-verbs.ts";
import { portVerbs } from "./port-verbs.ts";
import { routerVerbs, ruleVerbs } from "./rule-verbs.ts";
import { PROCESS, type Surroundings } from "./surroundings.ts";
import { VerbSet } from "./verb-set.ts";

export function directVerbs(program: Command, around: Surroundings = PROCESS): void {
  const verbs = new VerbSet(program, around);
  portVerbs(verbs);
  networkVerbs(verbs);
  ruleVerbs(verbs);
  routerVerbs(verbs);
  layerVerbs(verbs);
  v2pVerbs(verbs);
  boundaryVerbs(verbs);
  mappingVerbs(verbs);
  forwardingVerbs(verbs);
  subscriptionVerbs(verbs);
}
