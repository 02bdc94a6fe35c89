/**
 * A host with real NICs: a network namespace of its own with veth pairs in it, and the kernel's own
 * word on what is joined there. It ends with its last process, whatever ends the test.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { expect } from "vitest";
import { ipFromBytes } from "../../src/net/ip.ts";

/** Runs a shell in a new namespace, whose /sys shows its own NICs. */
const UNSHARE = ["--net", "--mount", "sh", "-c"] as const;
const OWN_SYSFS = "mount -t sysfs sysfs /sys";

/** Why there can be no such host here, if so. */
function findObstacle(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are for Linux";
  const script = `${OWN_SYSFS} && ip link add u0 type veth peer name p0`;
  const { error, status, stderr } = spawnSync("unshare", [...UNSHARE, script], { encoding: "utf8" });
  if (error !== undefined) return `unshare does not run: ${error.message}`;
  return status === 0 ? undefined : `a network namespace with a veth pair cannot be made: ${stderr.trim()}`;
}

const IN_CI = process.env.CI === "true" || process.env.CI === "1";

/** In CI an obstacle is a failure: tests would be green for not being run. */
function obstacle(): string | undefined {
  const found = findObstacle();
  if (found !== undefined && IN_CI) throw new Error(`joins on real NICs cannot be tried: ${found}`);
  return found;
}
export const OBSTACLE = obstacle();
if (OBSTACLE !== undefined) console.log(`joins on real NICs, their watch and repair are not tried: ${OBSTACLE}`);

/** How long what follows from a change may take: never reached where all is well. */
export const SOON = { timeout: 10_000, interval: 20 };

const END = "end-of-script";
export class NicHost {
  readonly #shell: ChildProcessByStdio<Writable, Readable, null>;
  #output = "";
  #last: Promise<unknown> = Promise.resolve();
  #pairs = 0;

  private constructor() {
    // It ends when nobody can write to it any more.
    this.#shell = spawn("unshare", [...UNSHARE, `${OWN_SYSFS} && exec sh`], { stdio: ["pipe", "pipe", "inherit"] });
    this.#shell.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
  }

  static async withNics(...nics: readonly string[]): Promise<NicHost> {
    const host = new NicHost();
    await host.run("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad");
    for (const nic of nics) await host.addNic(nic);
    return host;
  }

  /** A process that is in the namespace as long as this host is used. */
  get pid(): number {
    return this.#shell.pid as number;
  }

  /** What to put before a command to run it on this host. */
  get prefix(): readonly string[] {
    return ["nsenter", "--target", String(this.pid), "--net", "--mount", "--"];
  }

  /** Runs a shell script on this host, after those that were given before; answers what it printed. */
  run(script: string): Promise<string> {
    const result = this.#last.then(() => this.#runNow(script));
    this.#last = result.catch(() => {});
    return result;
  }

  async #runNow(script: string): Promise<string> {
    this.#output = "";
    this.#shell.stdin.write(`( set -e\n${script}\n) 2>&1 </dev/null\necho "${END} $?"\n`);
    const ended = new RegExp(`^${END} (\\d+)\\n`, "m");
    for (;;) {
      const match = ended.exec(this.#output);
      if (match !== null) {
        const printed = this.#output.slice(0, match.index);
        if (match[1] !== "0") throw new Error(`${script}\nended with ${match[1]}: ${printed}`);
        return printed;
      }
      if (this.#shell.exitCode !== null) throw new Error("the host's shell has ended");
      await once(this.#shell.stdout, "data");
    }
  }

  /** Makes a NIC and sets it up; without an index the kernel takes one that was never there. */
  async addNic(nic: string, index?: number): Promise<void> {
    // The other end of the pair, on which nobody joins anything.
    const far = `far${this.#pairs++}`;
    await this.run(`ip link add ${nic} ${index === undefined ? "" : `index ${index}`} type veth peer name ${far}
      echo 1 > /proc/sys/net/ipv6/conf/${far}/disable_ipv6
      printf 'link set ${far} up\\nlink set ${nic} up\\n' | ip -batch -`);
  }

  async removeNic(nic: string): Promise<void> {
    await this.run(`ip link del ${nic}`);
  }

  /** A NIC goes and comes back as another of the same name, before anybody can look. */
  async replaceNic(nic: string, index?: number): Promise<void> {
    const gone = this.removeNic(nic);
    await Promise.all([gone, this.addNic(nic, index)]);
  }

  /** These NICs are there, as good as new, and none under a name that begins with an x: whatever a test that failed left. */
  async restoreNics(...nics: readonly string[]): Promise<void> {
    await this.run("cd /sys/class/net\nfor nic in x*; do [ ! -e $nic ] || ip link del $nic; done");
    for (const nic of nics) {
      if (await this.has(nic)) await this.run(`ip link set ${nic} mtu 1500 up`);
      else await this.addNic(nic);
    }
  }

  async has(nic: string): Promise<boolean> {
    return (await this.run(`[ ! -e /sys/class/net/${nic} ] || echo yes`)) !== "";
  }

  async rename(nic: string, name: string): Promise<void> {
    await this.run(`ip link set ${nic} name ${name}`);
  }

  async setMtu(nic: string, mtu: number): Promise<void> {
    await this.run(`ip link set ${nic} mtu ${mtu}`);
  }

  /** Below IPv6's smallest MTU a NIC loses IPv6 and with it all memberships, which no socket is told. */
  async loseMemberships(nic: string): Promise<void> {
    await this.run(`ip link set ${nic} mtu 1279\nip link set ${nic} mtu 1500`);
  }

  async indexOf(nic: string): Promise<number> {
    return Number(await this.run(`read index < /sys/class/net/${nic}/ifindex\necho $index`));
  }

  /** The memberships in underlay groups that the kernel has, as `NIC group`, sorted. */
  joins(): readonly string[] {
    const table = readFileSync(`/proc/${this.pid}/net/igmp6`, "utf8");
    const found: string[] = [];
    for (const [, nic, hex = ""] of table.matchAll(/^\d+\s+(\S+)\s+(ff04[0-9a-f]{28})\s/gm)) {
      found.push(`${nic} ${ipFromBytes([...Buffer.from(hex, "hex")])}`);
    }
    return found.sort();
  }

  /** Waits until these groups, and no others, are joined on these NICs, and on no others. */
  async hasJoined(nics: readonly string[], ...underlays: readonly string[]): Promise<void> {
    await expect.poll(() => this.joins(), SOON).toEqual(joinsOf(nics, underlays));
  }

  async close(): Promise<void> {
    const closed = once(this.#shell, "close");
    this.#shell.stdin.end();
    await closed;
  }
}

/** What `joins` answers when each of these NICs has joined each of these groups. */
export function joinsOf(nics: readonly string[], underlays: readonly string[]): readonly string[] {
  return nics.flatMap((nic) => underlays.map((underlay) => `${nic} ${underlay}`)).sort();
}
