import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { AnalyticsSink } from "./analytics-sink.mjs";
import { AssetGateway } from "./asset-gateway.mjs";
import { ControlChannel, ControlError } from "./control-channel.mjs";
import { Edge } from "./edge.mjs";
import { EventLog } from "./event-log.mjs";
import { InvocationCounts } from "./invocation-counts.mjs";
import { ProcessLedger } from "./process-ledger.mjs";
import { havePyodideBundle } from "./pyodide-bundle.mjs";
import { PythonBaseline } from "./python-baseline.mjs";
import { SnapshotCache } from "./snapshot-cache.mjs";
import { SocketFolder } from "./socket-folder.mjs";
import { Store } from "./store.mjs";
import { storeRoutes } from "./store-routes.mjs";
import { TraceSink } from "./trace-sink.mjs";
import { versionRoutes } from "./version-routes.mjs";
import { Versions } from "./versions.mjs";

/** Time for `waitUntil` work after a request, before a version ends. Production allows 30 s. */
const GRACE_MS = 5000;
const HOLD_MS = 30_000;
const SHUTDOWN_MS = 5000;

/** Another live host works on the same state folder. */
export class StateInUse extends Error {
  constructor(stateDir, pid) {
    super(`The state folder ${stateDir} is in use by process ${pid}. Stop that one first.`);
    this.name = "StateInUse";
    this.pid = pid;
  }
}

/**
 * The data plane: one store process, one process per version, the edge, the control channel.
 */
export class Host {
  #order;
  #parts;

  /**
   * @param {{token: string, stateDir: string, edgePort: number, brokerUrl: string,
   *   brokerToken: string, nodeModules?: string, cacheDir?: string,
   *   graceMs?: number, holdMs?: number, kvDelayMs?: number}} order
   */
  constructor(order) {
    this.#order = order;
  }

  /**
   * Clear away what a killed host left, then start.
   *
   * @returns {Promise<{controlPort: number, edgePort: number}>}
   * @throws {StateInUse} @throws {NodeJS.ErrnoException} EADDRINUSE for the edge's port
   */
  async start() {
    const { stateDir, edgePort, brokerUrl, brokerToken, token } = this.#order;
    const { graceMs = GRACE_MS, holdMs = HOLD_MS } = this.#order;
    const runDir = path.join(stateDir, "run");
    mkdirSync(runDir, { recursive: true, mode: 0o700 });
    const ledger = new ProcessLedger(path.join(runDir, "processes"));
    const other = ledger.running().find(({ role }) => role === "host");
    if (other) throw new StateInUse(stateDir, other.pid);
    const leftovers = await ledger.endLeftovers();
    ledger.add(process.pid, "host");

    const events = new EventLog(path.join(stateDir, "logs", "host.ndjson"));
    for (const { pid, role } of leftovers) events.write(hostEvent(`Ended ${role}, process ${pid}`));
    const modules = this.#order.nodeModules ?? defaultNodeModules();
    const { binary, release } = installedRuntime(modules);
    // Not part of the state: made from the packages alone, and shared by all hosts that use them.
    const cache = this.#order.cacheDir ?? path.join(stateDir, "cache");
    const pyodideDir = path.join(modules, "pyodide");
    const bundle = await havePyodideBundle({ pyodideDir, root: cache });
    const { kvDelayMs = 0 } = this.#order;
    const dir = path.join(stateDir, "store");
    const store = new Store({ dir, binary, runDir, ledger, kvDelayMs });
    const gateway = new AssetGateway();
    const analytics = new AnalyticsSink();
    const sockets = new SocketFolder(runDir);
    const traces = new TraceSink(sockets.path("traces"));
    const versions = new Versions({
      binary,
      release,
      runDir,
      ledger,
      sockets,
      bundle,
      graceMs,
      gateway,
      snapshots: new SnapshotCache(path.join(cache, "snapshots")),
      baseline: new PythonBaseline({ dir: cache, binary, release, runDir, ledger, bundle }),
      surroundings: {
        store,
        broker: { url: brokerUrl, token: brokerToken },
        analytics,
        traces,
      },
    });
    const edge = new Edge({ versions, holdMs });
    this.#report(events, { store, versions, edge, traces });
    const invocations = new InvocationCounts();
    edge.on("answered", ({ id, script }, { ms, failed }) =>
      invocations.add({ version: id, script, ms, failed }),
    );
    const control = new ControlChannel({
      token,
      routes: [
        ["GET", /^\/health$/, () => health({ store, versions, edge })],
        ["GET", /^\/events$/, ({ response }) => stream(events, response)],
        ["GET", /^\/invocations$/, () => ({ invocations: invocations.list() })],
        ["GET", /^\/analytics$/, () => ({ points: analytics.list() })],
        ...storeRoutes(store),
        ...versionRoutes({ versions, edge }),
      ],
      onError: (error) => events.write(hostEvent(`${error.name}: ${error.message}`, "error")),
    });
    const sinks = [gateway, analytics, traces];
    this.#parts = { ledger, sockets, events, store, versions, edge, control, sinks };
    // The port first: where it is taken, nothing else has to be undone.
    const listening = await edge.listen(edgePort);
    for (const sink of sinks) await sink.start();
    await store.start();
    return { controlPort: await control.listen(), edgePort: listening };
  }

  /** End everything in order: no new requests, those in flight, versions, store. */
  async stop() {
    if (this.#parts === undefined) return;
    const { ledger, sockets, events, store, versions, edge, control, sinks } = this.#parts;
    const graceMs = this.#order.graceMs ?? GRACE_MS;
    await edge.close(SHUTDOWN_MS);
    await versions.disposeAll({ graceMs, timeoutMs: SHUTDOWN_MS });
    await store.supervisor.stop();
    for (const sink of sinks) sink.stop();
    events.close();
    control.close();
    sockets.remove();
    ledger.remove(process.pid);
  }

  #report(events, { store, versions, edge, traces }) {
    const log = (version, script, { level, message, timestampMs }) => ({
      type: "log",
      version,
      script,
      level,
      timestamp: new Date(timestampMs).toISOString(),
      message,
    });
    const restart = (what, reason) => ({ ...hostEvent(reason, "warn"), type: "restart", ...what });
    store.supervisor.on("log", (entry) => events.write(log(null, "store", entry)));
    store.supervisor.on("restart", ({ reason }) =>
      events.write(restart({ version: null, script: "store" }, reason)),
    );
    versions.on("log", ({ id, script }, entry) => events.write(log(id, script, entry)));
    versions.on("restart", ({ id, script }, { reason }) =>
      events.write(restart({ version: id, script }, reason)),
    );
    traces.on("traces", (id, list) =>
      events.send({ type: "trace", version: id, script: versions.get(id)?.script, traces: list }),
    );
    edge.on("cut", ({ id, script }, reason) =>
      events.write({ ...hostEvent(`A request was cut: ${reason}`, "warn"), version: id, script }),
    );
  }
}

function health({ store, versions, edge }) {
  return {
    ok: store.supervisor.state === "ready",
    generation: edge.generation,
    versions: versions.all().map(({ id, script, state, pid, inFlight }) => ({
      id,
      script,
      state,
      pid,
      inFlight,
    })),
    store: { state: store.supervisor.state, pid: store.supervisor.pid },
  };
}

function stream(events, response) {
  response.writeHead(200, { "Content-Type": "application/x-ndjson" });
  response.flushHeaders();
  if (events.attach(response)) return;
  throw new ControlError(429, "too_many_listeners", "Too many listen to the events already.");
}

const hostEvent = (message, level = "info") => ({
  type: "host",
  level,
  timestamp: new Date().toISOString(),
  message,
});

const defaultNodeModules = () => new URL("../../node_modules", import.meta.url).pathname;

/** workerd's executable, which lies in an npm package per platform, and what it is exactly. */
function installedRuntime(nodeModules) {
  const manifest = path.join(nodeModules, "workerd", "package.json");
  const require = createRequire(manifest);
  const cpu = process.arch === "x64" ? "64" : process.arch;
  const platform = `${process.platform}-${cpu}`;
  return {
    binary: require.resolve(`@cloudflare/workerd-${platform}/bin/workerd`),
    release: `${require(manifest).version} ${platform}`,
  };
}
