/** Puts the agent together as the settings say, and listens until it is told to stop. */
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { SledAgent } from "./agent/agent.ts";
import type { Config } from "./config.ts";
import { messageOf } from "./error.ts";
import { EXIT } from "./exit.ts";
import { keepHeapSmall } from "./heap.ts";
import type { Binding } from "./host/binding.ts";
import { loadBinding } from "./host/bindings.ts";
import { tcpListenFailure, unixListenFailure } from "./host/listen-failure.ts";
import { clearStaleSocket, parseAccount, type SocketAccess, withAccess } from "./host/unix-socket.ts";
import { buildServer } from "./http/server.ts";
import { loadCompiler } from "./http/validation.ts";
import type { StateDirLock } from "./intent/state-dir.ts";
import type { Log } from "./log.ts";
import { openLog, unsilenced } from "./logger.ts";
import { Metrics } from "./metrics.ts";
import { openDatalinksFor } from "./open-datalinks.ts";
import { openDoors } from "./open-doors.ts";
import { openDriver, underlayDevicesOf } from "./open-driver.ts";
import { openJoins } from "./open-joins.ts";
import { openKstatsFor } from "./open-kstats.ts";
import { openLedger } from "./open-ledger.ts";
import type { Follow, Follower } from "./reload.ts";
import { VERSION } from "./version.ts";

/** The start is over by then, and whoever restarts it at once is not kept. */
const QUIET_MS = 1000;

/** Throws, naming the setting, for an account that is none. */
function socketAccess({ socketMode, socketOwner, socketGroup }: Config): SocketAccess {
  const uid = parseAccount("socket.owner", "/etc/passwd", socketOwner);
  const gid = parseAccount("socket.group", "/etc/group", socketGroup);
  return { mode: socketMode, uid, gid };
}

/** Who is at the other end of a Unix socket, where there is one and something that can ask. */
async function askPeer({ listen }: Config): Promise<Binding["peerCredentials"]> {
  if (listen.type !== "unix") return undefined;
  const loaded = await loadBinding().catch(() => undefined);
  return loaded?.binding.peerCredentials;
}

async function listen(app: FastifyInstance, { listen: where }: Config, access: SocketAccess): Promise<string> {
  if (where.type === "unix") {
    const { path } = where;
    await clearStaleSocket(path, `listen: unix:${path}`, access.uid);
    await app.ready();
    const bound = () => app.listen({ path }).catch((error) => Promise.reject(unixListenFailure(path, error)));
    await withAccess(path, access, bound);
    return `unix:${path}`;
  }
  const { host, port } = where;
  const called = (real: number) => (host.includes(":") ? `[${host}]:${real}` : `${host}:${real}`);
  await app.listen({ host, port }).catch((error) => Promise.reject(tcpListenFailure(called(port), error)));
  const address = app.server.address();
  return called(typeof address === "object" && address !== null ? address.port : port);
}

/** Once asked to stop, it stops; asked again, it stops at once. */
function stopOnSignal(app: FastifyInstance, agent: SledAgent, lock: StateDirLock, log: Log): void {
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    // An orderly exit would wait for a thread that waits for the driver.
    if (stopping) process.kill(process.pid, "SIGKILL");
    stopping = true;
    log.info({ signal }, "stopping: requests under way are finished, the driver's state stays");
    try {
      await app.close();
      await agent.close();
      lock.release();
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

/** Once it listens, `whenListening` is given what the start still waits for. */
export async function serve(
  config: Config,
  follow: Follow,
  whenListening: (started: Promise<void>) => void,
): Promise<void> {
  keepHeapSmall();
  const log = await openLog(config);
  const access = socketAccess(config);
  const { doors, follower: doorsFollower } = openDoors(config, log, await askPeer(config));
  const metrics = new Metrics();
  metrics.watchProcess();
  const { ledger, lock } = await openLedger(config, log);
  const transport = await openDriver(config, log);
  const agent = new SledAgent({
    transport,
    ledger,
    joins: await openJoins(config, log),
    joinPolicy: config.underlayJoin,
    datalinks: await openDatalinksFor(config, log),
    openKstats: () => openKstatsFor(config, log),
    underlayDevices: underlayDevicesOf(config, log),
    underlayIp: config.underlayIp,
    log,
    metrics,
    auditInterval: config.auditInterval,
    auditMode: config.auditMode,
  });
  // Who asked for which change is told whatever else the log leaves out.
  const audit = unsilenced(log);
  const app = await buildServer({ agent, metrics, log, audit, doors });
  stopOnSignal(app, agent, lock, log);
  const started = agent.start();
  const address = await listen(app, config, access);
  lock.setAddress(address);
  const { kind, apiVersion, unavailable } = transport.info;
  // A driver that has not answered yet has said no version.
  const spoken = unavailable === undefined ? { api_version: apiVersion } : {};
  log.info({ address, version: VERSION, driver: kind, ...spoken }, `listening on ${address}`);
  // Whom the doors let in is told like what they then ask for.
  follow([logFollower(log), auditFollower(agent), doorsFollower], audit);
  whenListening(started);
  await started;
  log.info({ ready: agent.readiness.ready, degraded: agent.readiness.degraded.length }, "ready");
  setTimeout(() => void loadTheRest(metrics, log), QUIET_MS).unref();
}

function logFollower(log: Logger): Follower {
  return {
    fields: ["logLevel"],
    prepare: async ({ logLevel }) => {
      return () => {
        log.level = logLevel;
        return [];
      };
    },
  };
}

function auditFollower(agent: SledAgent): Follower {
  return {
    fields: ["auditInterval", "auditMode"],
    prepare: async ({ auditMode, auditInterval }) => {
      return () => {
        agent.followAudits(auditMode, auditInterval);
        return [];
      };
    },
  };
}

/**
 * What is loaded when it is first asked for is loaded now, unasked: a host can run out of descriptors
 * later. If it cannot be loaded now either, whoever asks for it is told; the daemon has no need of it.
 */
async function loadTheRest(metrics: Metrics, log: Log): Promise<void> {
  try {
    loadCompiler();
    await metrics.scrape();
  } catch (error) {
    log.warn({ error: messageOf(error) }, "what is loaded on demand could not be loaded ahead of it");
  }
}
