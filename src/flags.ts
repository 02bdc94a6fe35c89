/** sledcastd's command line: each flag overrides a key of the configuration file. */
import { Command, Option } from "commander";
import { type Config, LISTS, LOG_LEVELS, parseConfig } from "./config.ts";
import { readConfigFile } from "./config-file.ts";
import { exampleText, teachForm } from "./help.ts";
import { count, type Settings } from "./settings.ts";
import { VERSION } from "./version.ts";

/** Flags by the setting they override. */
const FLAGS: readonly (readonly [flag: string, key: string, help: string])[] = [
  ["--listen <addr:port>", "listen", "where HTTP is served: ADDR:PORT, [V6]:PORT or unix:/path (default [::1]:12345)"],
  ["--insecure-wildcard", "insecure_wildcard", "allow a wildcard address in --listen"],
  ["--driver <kind>", "driver", "auto, xde or model; auto is xde on illumos, model elsewhere"],
  ["--xde-device <path>", "xde.device", "the driver's control node (default /dev/xde)"],
  ["--no-set-underlay", "xde.set_underlay", "do not give xde its underlay devices"],
  ["--model-state <file>", "model.state", "keep the driver model's tables in this file"],
  ["--model-port <name[,vni,mac,ip]>", "model.ports", "a port the driver model starts with; repeatable"],
  ["--underlay-nic <name>", "underlay.nics", "a NIC on which underlay groups are joined; repeatable"],
  ["--underlay-ip <v6>", "underlay.ip", "this sled's underlay address (default fd00::1 with the model)"],
  ["--underlay-join <policy>", "underlay.join", "what holds a NIC filter: mapped or subscribed (default mapped)"],
  [
    "--state-dir <dir>",
    "state_dir",
    "the ledger: VMMs, ports, memberships, the configuration (default ./.sledcast; /var/sledcast on illumos)",
  ],
  ["--log-level <level>", "log.level", LOG_LEVELS.join(", ")],
  ["--log-format <format>", "log.format", "bunyan or pretty; default bunyan unless stdout is a terminal"],
  [
    "--audit-interval <seconds>",
    "audit.interval",
    "how often the driver is held against what should be (default 30; 0: never)",
  ],
  ["--audit-mode <mode>", "audit.mode", "repair or observe (default repair)"],
  ["--socket-mode <octal>", "socket.mode", "permissions of a Unix socket (default 0660)"],
  ["--socket-owner <user>", "socket.owner", "owner of a Unix socket, by name or number"],
  ["--socket-group <group>", "socket.group", "group of a Unix socket, by name or number"],
  ["--tls-cert <file>", "tls.cert", "serve HTTPS with this certificate and its chain (PEM)"],
  ["--tls-key <file>", "tls.key", "the certificate's private key (PEM)"],
  ["--tls-ca <file>", "tls.ca", "clients need a certificate signed by one of these (PEM)"],
  ["--tls-allowed-name <name>", "tls.allowed_names", "and one of these names in it; repeatable (default: any name)"],
  ["--token-file <file>", "auth.token_file", "clients need one of the bearer tokens in it"],
  ["--allowed-host <name>", "auth.allowed_hosts", "a further name for a loopback address to be called by; repeatable"],
  ["--max-connections <n>", "limits.connections", "connections at once (default 4096)"],
  ["--max-header-bytes <n>", "limits.header_bytes", "of a request's line and headers (default 16384)"],
  ["--request-seconds <n>", "limits.request_seconds", "in which a request must be here whole (default 60)"],
  ["--rate-limit <n>", "limits.rate", "requests a second of one client (default 0: no limit)"],
];

const EXAMPLES = [
  ["sledcastd", "over the driver model, on [::1]:12345"],
  ["sledcastd --model-port guest0 --log-format pretty", "with a port to try things on"],
  ["sledcastd --config /etc/sledcast.toml", "as a file says"],
  ["sledcastd --driver xde --underlay-ip fd00::1 \\\n    --underlay-nic cxgbe0 --underlay-nic cxgbe1", "a sled"],
] as const;

const EPILOGUE = `
The TOML file given with --config has a key for each flag, which overrides it:
  listen, insecure_wildcard, driver, state_dir
  [model] state, ports     [underlay] nics, ip, join     [xde] device, set_underlay
  [log] level, format      [audit] interval, mode            [socket] mode, owner, group
  [tls] cert, key, ca, allowed_names                         [auth] token_file, allowed_hosts
  [limits] connections, header_bytes, request_seconds, rate

With --smf they are properties of the group config, with _ for each dot:
config/log_level is log.level.
A property that is empty is not set.

SIGHUP reads the settings again: the log says what changed, and which of it waits for a restart.

The ledger in state_dir is one daemon's at a time; \`sledcast ledger check\` looks at it.

SLEDCAST_BINDING=addon or =koffi in the environment chooses what makes the system calls to xde and
for the NIC joins; left out: the addon, and koffi where that was not built.

SIGTERM and SIGINT end the daemon after the requests under way. Driver state is left as it is.
Exit status: 0 stopped, 1 failed, 2 bad usage or configuration, 95 cannot ever run like this,
100 a privilege is missing.`;

/** The command line: where settings come from, and those that are said there. */
export interface CommandLine {
  readonly file: string | undefined;
  readonly smf: string | undefined;
  /** Who waits for the start is told here. */
  readonly readyFd: number | undefined;
  readonly settings: Settings;
}

/** Standard input, output and error are not for this. */
const parseReadyFd = (given: unknown) => (given === undefined ? undefined : count("--ready-fd", given, 3, 65_535));

/** Headings of the help, by what a key begins with. */
const GROUPS: readonly (readonly [begins: RegExp, heading: string])[] = [
  [/^(?:listen|insecure_wildcard|socket\.)/, "Where it listens:"],
  [/^(?:tls|auth)\./, "Who is let in:"],
  [/^limits\./, "Limits:"],
  [/^(?:driver|xde\.|model\.)/, "The driver:"],
  [/^underlay\./, "The underlay:"],
  [/^(?:state_dir|log\.|audit\.)/, "State, log and audits:"],
];

const groupOf = (key: string) => GROUPS.find(([begins]) => begins.test(key))?.[1] ?? "Options:";

const SOURCES = "Where settings come from:";

/** The command as it can be asked for its help, and the setting behind each of its flags. */
export function daemonCommand(): { readonly command: Command; readonly keys: ReadonlyMap<string, string> } {
  const command = new Command("sledcastd")
    .description(
      "The multicast sled agent. It serves HTTP, and keeps the host's OPTE driver and the joins on its NICs as it was told. A control plane or `sledcast` tells it.",
    )
    .version(VERSION)
    .optionsGroup(SOURCES)
    .option("--config <file>", "settings in TOML")
    .addOption(new Option("--smf <fmri>", "settings from this SMF instance's running snapshot").conflicts("config"))
    .option("--ready-fd <n>", "write a line to this open descriptor once the start is over, for SMF's start method")
    .addHelpText("after", exampleText(EXAMPLES))
    .addHelpText("after", EPILOGUE)
    .allowExcessArguments(false)
    .exitOverride();
  teachForm(command);
  const keys = new Map<string, string>();
  for (const [flags, key, help] of FLAGS) {
    const option = new Option(flags, help).helpGroup(groupOf(key));
    if (LISTS.has(key)) option.argParser((value: string, earlier: string[] | undefined) => [...(earlier ?? []), value]);
    command.addOption(option);
    keys.set(option.attributeName(), key);
  }
  return { command, keys };
}

/** Throws Commander's error for flags that are none, and for `--help`. */
export function parseFlags(argv: readonly string[]): CommandLine {
  const { command, keys } = daemonCommand();
  command.parse([...argv], { from: "user" });
  const values = command.opts<Record<string, unknown>>();
  const settings: Record<string, unknown> = {};
  for (const [name, key] of keys) {
    if (command.getOptionValueSource(name) !== "cli") continue;
    settings[key] = values[name];
  }
  const { config: file, smf, readyFd } = values as { config?: string; smf?: string; readyFd?: string };
  return { file, smf, readyFd: parseReadyFd(readyFd), settings };
}

/** What the daemon is told, checked. */
export async function configure({ file, smf, settings }: CommandLine): Promise<Config> {
  if (smf !== undefined) {
    const { namingProperties, readSmf } = await import("./smf.ts");
    const properties = await readSmf(smf);
    return namingProperties(settings, () => parseConfig(properties, settings));
  }
  return file === undefined ? parseConfig(settings) : parseConfig(await readConfigFile(file), settings);
}
