/** What the daemon was told when it was started, as far as whoever asks says it. */
import { type Config, DEFAULT_STATE_DIR, KEY_OF, parseConfig } from "../../config.ts";
import { readConfigFile } from "../../config-file.ts";
import { messageOf } from "../../error.ts";
import type { DoorSettings } from "../../open-doors.ts";
import type { Settings } from "../../settings.ts";
import { readSmf } from "../../smf.ts";

export interface ToldOptions {
  readonly config?: string;
  readonly smf?: string;
  readonly stateDir?: string;
  readonly xdeDevice?: string;
  readonly underlayNic?: readonly string[];
}

/** Of the daemon's settings, those that are looked at. */
export type Known = Partial<Pick<Config, "listen" | "driver" | "xdeDevice" | "stateDir" | "underlayNics">> &
  Partial<Pick<Config, "auditInterval" | "tlsCert">>;

export interface Told {
  /** Who said it, for people. */
  readonly source: string;
  readonly known: Known;
  /** Undefined: nobody said. */
  readonly doors: DoorSettings | undefined;
  /** Why a daemon would refuse it; undefined: it would not. */
  readonly problem: string | undefined;
}

/** Options override the file, as the daemon's flags do. */
function overrides({ stateDir, xdeDevice, underlayNic }: ToldOptions): Known {
  return {
    ...(stateDir === undefined ? {} : { stateDir }),
    ...(xdeDevice === undefined ? {} : { xdeDevice }),
    ...(underlayNic === undefined ? {} : { underlayNics: underlayNic }),
  };
}

/** Held against each other as the daemon does when it starts. */
async function checked(source: string, read: () => Promise<Settings>, over: Known): Promise<Told> {
  try {
    const flags = Object.fromEntries(Object.entries(over).map(([name, value]) => [KEY_OF[name as keyof Known], value]));
    const config = parseConfig(await read(), flags);
    return { source, known: config, doors: config, problem: undefined };
  } catch (error) {
    return { source, known: over, doors: undefined, problem: messageOf(error) };
  }
}

export async function readTold(options: ToldOptions): Promise<Told> {
  const { config: file, smf } = options;
  const over = overrides(options);
  if (file !== undefined) return checked(`--config ${file}`, () => readConfigFile(file), over);
  if (smf !== undefined) return checked(smf, () => readSmf(smf), over);
  const source = Object.keys(over).length === 0 ? "nobody" : "this command line";
  return { source, known: over, doors: undefined, problem: undefined };
}

/** What is to be looked at. */
export interface Subject {
  readonly driver: "xde" | "model";
  readonly xdeDevice: string;
  readonly stateDir: string;
  /** Somebody said so; else it is where a daemon has it that is told nothing. */
  readonly isStateDirSaid: boolean;
  /** The agent's own, in PEM; undefined: it serves without TLS, or nobody said. */
  readonly certificate: string | undefined;
  /** Undefined: nobody said. */
  readonly doors: DoorSettings | undefined;
  /** Undefined: nobody said. */
  readonly nics: readonly string[] | undefined;
  /** Seconds; 0: only on request; undefined: nobody said. */
  readonly auditInterval: number | undefined;
}

/** What a running agent says of itself fills in what nobody said here. */
interface Said {
  readonly driver: { readonly kind: "xde" | "model"; readonly through: string };
  readonly nics: readonly string[];
}

export function subjectOf({ known, doors }: Told, said: Said | undefined, platform: NodeJS.Platform): Subject {
  const asksForXde = known.xdeDevice !== undefined || platform === "sunos";
  const driver = known.driver ?? said?.driver.kind ?? (asksForXde ? "xde" : "model");
  const through = said?.driver.kind === "xde" ? said.driver.through : undefined;
  return {
    driver,
    xdeDevice: known.xdeDevice ?? through ?? "/dev/xde",
    stateDir: known.stateDir ?? DEFAULT_STATE_DIR,
    certificate: known.tlsCert,
    doors,
    isStateDirSaid: known.stateDir !== undefined,
    nics: known.underlayNics ?? said?.nics,
    auditInterval: known.auditInterval,
  };
}

/** Where the agent serves, where that was said; in the words of `--agent`. */
export function agentOf({ known: { listen, tlsCert } }: Told): string | undefined {
  if (listen === undefined) return undefined;
  if (listen.type === "unix") return `unix:${listen.path}`;
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  return `${tlsCert === undefined ? "http" : "https"}://${host}:${listen.port}`;
}
