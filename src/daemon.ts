#!/usr/bin/env node
/** sledcastd: reads its settings, puts the agent together, and listens until it is told to stop. */
import { chmodSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import type { FastifyInstance } from "fastify";
import { SledAgent } from "./agent/agent.ts";
import { type Config, type Listen, LOG_LEVELS, parseConfig, readConfigFile, type Settings } from "./config.ts";
import { messageOf, SledcastError } from "./error.ts";
import { clearStaleSocket } from "./host/unix-socket.ts";
import { buildServer } from "./http/server.ts";
import type { Log } from "./log.ts";
import { openLog } from "./logger.ts";
import { Metrics } from "./metrics.ts";
import { datalinksFor, isMissingPrivilege, openDriver, underlayDevicesOf } from "./open-driver.ts";
import { openJoins } from "./open-joins.ts";
import { UnservedVersion } from "./opte/error.ts";
import { VERSION } from "./version.ts";

const EXIT = { ok: 0, failed: 1, usage: 2, fatal: 95, privilege: 100 } as const;

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
  ["--state-dir <dir>", "state_dir", "where the agent keeps its own state"],
  ["--log-level <level>", "log.level", LOG_LEVELS.join(", ")],
  ["--log-format <format>", "log.format", "bunyan or pretty; default bunyan unless stdout is a terminal"],
  [
    "--audit-interval <seconds>",
    "audit.interval",
    "how often the driver is held against what should be (default 30; 0: never)",
  ],
  ["--audit-mode <mode>", "audit.mode", "repair or observe (default repair)"],
];
const REPEATABLE = new Set(["model.ports", "underlay.nics"]);

const EPILOGUE = `
The TOML file given with --config has a key for each flag, which overrides it:
  listen, insecure_wildcard, driver, state_dir
  [model] state, ports     [underlay] nics, ip, join     [xde] device, set_underlay
  [log] level, format      [audit] interval, mode

The agent keeps no state of its own yet: state_dir is accepted and has no effect.

SLEDCAST_BINDING=addon or =koffi in the environment chooses what makes the system calls to xde and
for the NIC joins; left out: the addon, and koffi where that was not built.

SIGTERM and SIGINT end the daemon after the requests under way. Driver state is left as it is.
Exit status: 0 stopped, 1 failed, 2 bad usage or configuration, 95 cannot ever run like this,
100 a privilege is missing.`;

function parseFlags(argv: readonly string[]): { readonly file: string | undefined; readonly settings: Settings } {
  const command = new Command("sledcastd")
    .description("The multicast sled agent")
    .version(VERSION)
    .option("--config <file>", "settings in TOML")
    .addHelpText("after", EPILOGUE)
    .allowExcessArguments(false)
    .exitOverride();
  const options = FLAGS.map(([flags, key, help]) => {
    const option = new Option(flags, help);
    if (REPEATABLE.has(key))
      option.argParser((value: string, earlier: string[] | undefined) => [...(earlier ?? []), value]);
    command.addOption(option);
    return { key, name: option.attributeName() };
  });
  command.parse([...argv], { from: "user" });
  const values = command.opts<Record<string, unknown>>();
  const settings: Record<string, unknown> = {};
  for (const { key, name } of options) {
    if (command.getOptionValueSource(name) !== "cli") continue;
    settings[key] = values[name];
  }
  return { file: values.config as string | undefined, settings };
}

function configure(argv: readonly string[]): Config {
  const { file, settings } = parseFlags(argv);
  return file === undefined ? parseConfig(settings) : parseConfig(readConfigFile(file), settings);
}

async function listen(app: FastifyInstance, where: Listen): Promise<string> {
  if (where.type === "unix") {
    await clearStaleSocket(where.path, `listen: unix:${where.path}`);
    await app.listen({ path: where.path });
    chmodSync(where.path, 0o660);
    return `unix:${where.path}`;
  }
  await app.listen({ host: where.host, port: where.port });
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : where.port;
  return where.host.includes(":") ? `[${where.host}]:${port}` : `${where.host}:${port}`;
}

/** Once asked to stop, it stops; asked again, it stops at once. */
function stopOnSignal(app: FastifyInstance, agent: SledAgent, log: Log): void {
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    // An orderly exit would wait for a thread that waits for the driver.
    if (stopping) process.kill(process.pid, "SIGKILL");
    stopping = true;
    log.info({ signal }, "stopping: requests under way are finished, the driver's state stays");
    try {
      await app.close();
      await agent.close();
      log.info({}, "stopped");
      process.exit(EXIT.ok);
    } catch (error) {
      log.error({ error: messageOf(error) }, "stopping failed");
      process.exit(EXIT.failed);
    }
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

async function main(config: Config): Promise<void> {
  const log = await openLog(config);
  const metrics = new Metrics();
  metrics.watchProcess();
  const transport = await openDriver(config, log);
  const agent = new SledAgent({
    transport,
    joins: await openJoins(config, log),
    joinPolicy: config.underlayJoin,
    datalinks: datalinksFor(config),
    underlayDevices: underlayDevicesOf(config, log),
    underlayIp: config.underlayIp,
    log,
    metrics,
    auditInterval: config.auditInterval,
    auditMode: config.auditMode,
  });
  const app = await buildServer({ agent, metrics, log });
  stopOnSignal(app, agent, log);
  const started = agent.start();
  const address = await listen(app, config.listen);
  const { kind, apiVersion, unavailable } = transport.info;
  // A driver that has not answered yet has said no version.
  const spoken = unavailable === undefined ? { api_version: apiVersion } : {};
  log.info({ address, version: VERSION, driver: kind, ...spoken }, `listening on ${address}`);
  await started;
  log.info({ ready: agent.readiness.ready, degraded: agent.readiness.degraded.length }, "ready");
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (isMissingPrivilege(error)) return EXIT.privilege;
  if (!(error instanceof SledcastError)) return EXIT.failed;
  if (error.kind === "internal" || error instanceof UnservedVersion) return EXIT.fatal;
  return error.kind === "bad-request" ? EXIT.usage : EXIT.failed;
}

function fail(error: unknown): never {
  // Commander has printed its own errors.
  if (!(error instanceof CommanderError)) process.stderr.write(`sledcastd: ${messageOf(error)}\n`);
  process.exit(exitCodeOf(error));
}

try {
  await main(configure(process.argv.slice(2)));
} catch (error) {
  fail(error);
}
