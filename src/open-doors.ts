/** The doors that the settings ask for, with what is in the files they name; and the same again on SIGHUP. */
import type { Config } from "./config.ts";
import { readPrivate, readPublic } from "./host/private-file.ts";
import type { AskPeer } from "./http/doors/caller.ts";
import { AllowedNames } from "./http/doors/certificate-names.ts";
import { Doors, type Rules } from "./http/doors/doors.ts";
import { HostRule, isLoopback } from "./http/doors/hosts.ts";
import { limitsOf } from "./http/doors/limits.ts";
import { RateLimit } from "./http/doors/rate.ts";
import { type Pem, type TlsIdentity, tlsIdentity } from "./http/doors/tls-identity.ts";
import { Tokens } from "./http/doors/tokens.ts";
import type { Log } from "./log.ts";
import type { Follower } from "./reload.ts";

interface Found {
  readonly rules: Rules;
  readonly identity: TlsIdentity | undefined;
}

const pem = (key: string, file: string, read: typeof readPublic): Pem => ({ key, file, text: read(key, file) });

/** Of the settings, those that say who comes in. */
export type DoorSettings = Pick<
  Config,
  "listen" | "allowedHosts" | "tlsAllowedNames" | "rateLimit" | "tlsCert" | "tlsKey" | "tlsCa" | "tokenFile"
>;

function identityOf({ tlsCert, tlsKey, tlsCa }: DoorSettings): TlsIdentity | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const ca = tlsCa === undefined ? undefined : pem("tls.ca", tlsCa, readPublic);
  return tlsIdentity(pem("tls.cert", tlsCert, readPublic), pem("tls.key", tlsKey, readPrivate), ca);
}

function tokensOf({ tokenFile }: DoorSettings): Tokens | undefined {
  const key = "auth.token_file";
  return tokenFile === undefined ? undefined : Tokens.parse(key, tokenFile, readPrivate(key, tokenFile));
}

/** Throws, naming the setting, for a file that cannot be used. `former`: whose clients keep what they have used up. */
function find(config: DoorSettings, former: RateLimit | undefined): Found {
  const { listen, allowedHosts, tlsAllowedNames, rateLimit } = config;
  const rate = former?.perSecond === rateLimit ? former : rateLimit > 0 ? new RateLimit(rateLimit) : undefined;
  const rules = {
    hosts: HostRule.for(listen, allowedHosts),
    names: tlsAllowedNames.length === 0 ? undefined : new AllowedNames(tlsAllowedNames),
    tokens: tokensOf(config),
    rate,
  };
  return { rules, identity: identityOf(config) };
}

/** Throws as a start would, and opens nothing. */
export function checkDoors(settings: DoorSettings): void {
  find(settings, undefined);
}

function warn({ identity }: Found, log: Log): void {
  for (const warning of identity?.warnings ?? []) log.warn({}, warning);
}

/** What anybody on the way can read and change. */
function warnOfPlainHttp({ listen, tlsCert, tokenFile }: Config, log: Log): void {
  if (listen.type === "unix" || isLoopback(listen.host) || tlsCert !== undefined) return;
  const fields = { address: listen.host };
  const wayOut = "set tls.cert and tls.key, or listen on a loopback address or a Unix socket";
  log.warn(
    fields,
    `plain HTTP on an address that is not loopback: anybody on the way can read and change it; ${wayOut}`,
  );
  if (tokenFile === undefined) return;
  log.warn(fields, `the tokens of auth.token_file come over plain HTTP: anybody on the way can take one; ${wayOut}`);
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** What became different in a file that is named as before. */
function renewals(from: Found, to: Found): string[] {
  const renewed = (a: Pem | undefined, b: Pem | undefined) => a?.file === b?.file && a?.text !== b?.text;
  const [was, is] = [from.identity, to.identity];
  const said: string[] = [];
  if (is !== undefined && renewed(was?.cert, is.cert)) {
    said.push(`tls.cert renewed (valid until ${is.validTo.toISOString()})`);
  }
  if (renewed(was?.privateKey, is?.privateKey)) said.push("tls.key renewed");
  if (renewed(was?.ca, is?.ca)) said.push("tls.ca renewed");
  const [before, now] = [from.rules.tokens, to.rules.tokens];
  if (now !== undefined && before?.equals(now) !== true) said.push(`auth.token_file has ${counted(now.count)}`);
  return said;
}

const counted = (count: number) => (count === 1 ? "1 token" : `${count} tokens`);

export interface OpenDoors {
  readonly doors: Doors;
  readonly follower: Follower;
}

/** Throws, naming the setting, the file and the reason, where a file that the settings name cannot be used. */
export function openDoors(config: Config, log: Log, askPeer?: AskPeer): OpenDoors {
  let found = find(config, undefined);
  warn(found, log);
  warnOfPlainHttp(config, log);
  const { rules, identity } = found;
  const doors = new Doors({ limits: limitsOf(config), rules, identity, askPeer });
  const follower: Follower = {
    fields: [
      "tlsCert",
      "tlsKey",
      "tlsCa",
      "tlsAllowedNames",
      "tokenFile",
      "allowedHosts",
      "maxConnections",
      "rateLimit",
    ],
    // Who leaves tokens for client certificates, or the network for a Unix socket, must not for a while have neither.
    waits: ({ listen, tlsCert, tlsCa }) =>
      !same(listen, config.listen) ||
      (tlsCert === undefined) !== (config.tlsCert === undefined) ||
      (tlsCa === undefined) !== (config.tlsCa === undefined),
    prepare: async (wanted) => {
      const next = find(wanted, found.rules.rate);
      return () => {
        const said = renewals(found, next);
        found = next;
        warn(next, log);
        doors.follow(next.rules, wanted.maxConnections, next.identity);
        return said;
      };
    },
  };
  return { doors, follower };
}
