/**
 * The start: from what the driver holds and what the ledger says to what follows from both. It can
 * be tried again until it is through; each step says to /readyz how it went.
 */
import { messageOf } from "../error.ts";
import type { Parts } from "./parts.ts";
import type { Readiness } from "./readiness.ts";

export class StartUp {
  readonly #parts: Parts;
  readonly #readiness: Readiness;
  #done = false;
  /** What it is at: the NICs, or the driver. */
  #step: "joins" | "driver" = "joins";

  constructor(parts: Parts, readiness: Readiness) {
    this.#parts = parts;
    this.#readiness = readiness;
    readiness.done("ledger", ledgerText(parts));
    const { vmms, config, log } = parts;
    if (vmms.size > 0 || config.current !== undefined) {
      log.info(
        { vmms: vmms.size, generation: config.current?.generation },
        "kept by the ledger; it is put into effect",
      );
    }
  }

  get done(): boolean {
    return this.#done;
  }

  get step(): "joins" | "driver" {
    return this.#step;
  }

  /** In the lane. Throws where NICs or driver do not answer, to be tried again. */
  async run(): Promise<void> {
    if (this.#done) return;
    this.#step = "joins";
    await this.#lookAtNics();
    this.#step = "driver";
    await this.#parts.underlay.set();
    await this.#findPorts();
    await this.#takeStock();
    await this.#bringIntoEffect();
    this.#done = true;
  }

  /** The NICs as they are: nothing is joined yet, so there is nothing to say but what is missing. */
  async #lookAtNics(): Promise<void> {
    const { filters, log } = this.#parts;
    for (const drift of await filters.survey()) await filters.mend(drift);
    const missing = filters.missingNics;
    if (missing.length > 0)
      log.warn({ nics: missing }, "underlay NICs are missing; groups are joined on them when they come");
  }

  /** VMMs whose ports went with the driver's memory are the control plane's to register again. */
  async #findPorts(): Promise<void> {
    const { driver, vmms, ports, log } = this.#parts;
    ports.disownUnclaimed();
    if (vmms.size > 0) {
      for (const vmm of vmms.lost(await driver.listPorts())) {
        try {
          await vmms.dropLost(vmm);
        } catch (error) {
          // A ledger that cannot be written is no reason to serve nobody; the audit finds the VMM again.
          log.warn(
            { propolis_id: vmm.id, error: messageOf(error) },
            "the VMM's ports are gone; it could not be dropped",
          );
        }
      }
    }
    await ports.repair();
  }

  async #takeStock(): Promise<void> {
    const { driver, mappings, filters, holding, forwarding } = this.#parts;
    if (holding.policy === "subscribed") await holding.follow(await driver.dumpMcastSubscriptions());
    const found = await mappings.takeStock();
    const { kind, apiVersion } = driver.info;
    this.#readiness.done("driver", `${kind}, API version ${apiVersion}`);
    this.#readiness.done("mappings", `${found} found in the driver`);
    const failed = filters.brokenCount;
    this.#readiness.done("joins", failed === 0 ? "all joined" : `${failed} underlay groups not joined on every NIC`);
    const entries = await forwarding.refresh();
    this.#readiness.done("forwarding", `${entries.length} found in the driver`);
  }

  async #bringIntoEffect(): Promise<void> {
    const { config, subscriptions, selfMaps, vmms, flows } = this.#parts;
    await config.converge();
    this.#readiness.done("config", configText(this.#parts));
    await selfMaps.repair();
    await subscriptions.wakeAll();
    await vmms.moves.finish();
    await this.#dropUnexplained();
    // A crash may have come between a mapping's move and this.
    await flows.clear();
    this.#readiness.done("memberships", membershipText(this.#parts));
  }

  /** A crash between a subscription and its record leaves the one without the other; so does whoever subscribed our ports meanwhile. */
  async #dropUnexplained(): Promise<void> {
    const { driver, subscriptions, holding, vmms, log } = this.#parts;
    if (vmms.size === 0 && holding.policy === "mapped") return;
    const dump = await driver.dumpMcastSubscriptions();
    for (const { underlay, subscribers } of dump) {
      for (const { port } of subscribers) {
        if (vmms.ownerOf(port) === undefined || subscriptions.driver.wanted(port, underlay) !== undefined) continue;
        log.warn({ port, underlay }, "no membership explains this subscription of an earlier run; it is removed");
        await subscriptions.settling.settle([port], [underlay]);
      }
    }
    // The ends of interrupted moves are not others' subscriptions any more.
    await holding.follow(dump);
  }
}

function ledgerText({ vmms, config }: Parts): string {
  const all = vmms.list();
  const memberships = all.reduce((sum, vmm) => sum + vmm.memberships.size, 0);
  const { generation } = config.current ?? {};
  const declared = generation === undefined ? "no configuration" : `configuration of generation ${generation}`;
  return `${all.length} VMMs, ${memberships} memberships, ${declared}`;
}

function configText({ config }: Parts): string {
  if (config.current === undefined) return "none in force";
  const { generation, applied, failed } = config.outcome;
  return `generation ${generation}: ${applied} entries in effect, ${failed.length} failed`;
}

function membershipText({ subscriptions }: Parts): string {
  const counts = { applied: 0, pending: 0, degraded: 0 };
  for (const { status } of subscriptions.members.all()) counts[status.state]++;
  return `${counts.applied} in effect, ${counts.pending} pending, ${counts.degraded} degraded`;
}
