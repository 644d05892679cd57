import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { AssetSite } from "./asset-site.mjs";
import { bootError } from "./boot-error.mjs";
import { DeliveryLost, Door } from "./door.mjs";
import { SnapshotCache } from "./snapshot-cache.mjs";
import {
  MAX_STARTUP_MS, STARTUP_EXCEEDED, firstThreadMs, machineSlowness, pythonSlowness, startupMs,
} from "./startup-time.mjs";
import { Supervisor } from "./supervisor.mjs";
import {
  VERSION_SOCKETS, isPython, keepsTopLevel, localFlags, versionConfig,
} from "./version-config.mjs";
import { readHeaderRules, readModules } from "./worker-modules.mjs";
import { WorkerdBootError } from "./workerd.mjs";

/** What stands for a snapshot where the Worker has no Python memory to keep. */
const NO_SNAPSHOT = {
  loaded: false,
  startupMs: null,
  args: [],
  keep: () => {},
  discard: () => {},
};
/** Starts that are measured before a Worker is refused for its CPU time: one may be disturbed. */
const MEASURED_STARTS = 3;
/** No disturbance doubles the CPU time: a start that takes this long is ended at once. */
const HOPELESS_STARTUP_MS = 2 * MAX_STARTUP_MS;
const STARTUP_WATCH_MS = 250;
/** What the runtime says where a Worker does at its top level what needs a request. */
const DISALLOWED = /Disallowed operation called within global scope\.[^>\n]*/;
const BOOT_TIMEOUT_MS = 100_000;
/** Longest wait for requests in flight; production ends a request's client wait at 100 s. */
const DRAIN_TIMEOUT_MS = 100_000;

/**
 * One version of a Worker, running in its own process.
 *
 * `begin` and `end` count what is in flight, so that it can be drained before it is disposed.
 */
export class Version {
  #runtime;
  #validates;
  #inFlight = 0;
  #lastActive = 0;
  #idle = [];
  #assetKey = null;
  #doorToken = randomBytes(24).toString("base64url");
  #sockets;
  #door;
  #watched = false;
  #clockOffsetMs;

  /**
   * @param {object} spec what PUT /versions/{id} takes, with `id`
   * @param {{binary: string, release: string, runDir: string, ledger: object,
   *   sockets: import("./socket-folder.mjs").SocketFolder, bundle: {cacheDir: string,
   *   fingerprint: string}, snapshots: SnapshotCache,
   *   baseline: import("./python-baseline.mjs").PythonBaseline, surroundings: object,
   *   gateway: import("./asset-gateway.mjs").AssetGateway}} runtime
   * @param {{validates: boolean, clockOffsetMs: number}} options `validates`: the start is judged
   *   as at an upload; `clockOffsetMs`: see `setClock`
   */
  constructor(spec, runtime, { validates, clockOffsetMs }) {
    this.id = spec.id;
    this.script = spec.script;
    this.spec = spec;
    this.#runtime = runtime;
    this.#validates = validates;
    this.#clockOffsetMs = clockOffsetMs;
    this.#sockets = Object.fromEntries(
      VERSION_SOCKETS.map((name) => [name, runtime.sockets.path(name)]),
    );
    this.#door = new Door(this.#sockets.door, this.#doorToken);
    this.supervisor = null;
    /** Its static assets, or null. @type {AssetSite | null} */
    this.assets = null;
  }

  get state() {
    return this.supervisor?.state ?? "booting";
  }

  /** Path of the Unix socket for requests. */
  get address() {
    return this.#sockets.http;
  }

  get pid() {
    return this.supervisor?.pid ?? null;
  }

  /** Number of requests and events that it works on. */
  get inFlight() {
    return this.#inFlight;
  }

  /**
   * Start the process and wait until it answers.
   *
   * @param {(supervisor: Supervisor) => void} attach called before each start, to hear its events
   * @returns {Promise<{bootMs: number, startupMs: number | null, fromSnapshot: boolean}>}
   *   `startupMs`: CPU time of the Worker's own start, null where it isn't known
   * @throws {import("./boot-error.mjs").BootError} the Worker doesn't start, or does what
   *   production refuses
   * @throws {import("./bindings.mjs").UnsupportedBinding}
   */
  async boot(attach) {
    try {
      return await this.#boot(attach);
    } catch (error) {
      this.#runtime.gateway.remove(this.#assetKey);
      throw error;
    }
  }

  async #boot(attach) {
    const startedAt = performance.now();
    const plan = await this.#plan();
    let least = null;
    for (let start = 1; ; start += 1) {
      const { snapshot, cpuMs, disallowed } = await this.#start(plan, attach);
      const fromSnapshot = snapshot().loaded;
      const judged = this.#validates && !fromSnapshot;
      if (judged && disallowed !== null) await this.#refuse(snapshot(), disallowed);
      const spent = fromSnapshot ? snapshot().startupMs : await this.#spent(cpuMs, plan, judged);
      least = least === null || spent === null ? spent : Math.min(least, spent);
      if (!judged || least === null || least <= MAX_STARTUP_MS) {
        plan.accepted = true;
        snapshot().keep(least);
        const bootMs = Math.round(performance.now() - startedAt);
        return { bootMs, startupMs: least, fromSnapshot };
      }
      if (start === MEASURED_STARTS) await this.#refuse(snapshot(), STARTUP_EXCEEDED);
      await this.supervisor.stop(0);
      snapshot().discard();
    }
  }

  /** The Worker's part of a start's CPU time, in ms; null where the system doesn't tell. */
  async #spent(cpuMs, plan, judged) {
    if (cpuMs === null) return null;
    const spent = startupMs(cpuMs, plan);
    if (!judged || !plan.python || spent <= MAX_STARTUP_MS) return spent;
    const slowness = await pythonSlowness(this.#runtime);
    return Math.min(spent, startupMs(cpuMs, { ...plan, slowness }));
  }

  async #refuse(snapshot, reason) {
    await this.supervisor.stop(0);
    snapshot.discard();
    throw bootError([], reason);
  }

  /** What every start of this version needs; the rest is asked for before each of them. */
  async #plan() {
    const { bundle, snapshots, baseline, surroundings, release } = this.#runtime;
    const modules = await readModules(this.spec.modulesDir, this.spec.mainModule);
    await this.#openAssets();
    const assets = { address: this.#runtime.gateway.address, key: this.#assetKey };
    const { config, env } = versionConfig(this.spec, modules, {
      ...surroundings,
      assets,
      sockets: this.#sockets,
      doorToken: this.#doorToken,
    });
    const flags = localFlags(this.spec.compatibilityFlags ?? []);
    const python = isPython(flags);
    const key = SnapshotCache.key({
      modules,
      runtime: [bundle.fingerprint, release, this.spec.compatibilityDate, ...flags],
    });
    const kept = python && keepsTopLevel(flags);
    return {
      python,
      accepted: false,
      config,
      env,
      args: python ? [`--pyodide-bundle-disk-cache-dir=${bundle.cacheDir}`] : [],
      snapshot: async () => (kept ? snapshots.open(key, await baseline.have()) : NO_SNAPSHOT),
    };
  }

  /** One start, until the process answers. */
  async #start(plan, attach) {
    const { binary, runDir, ledger } = this.#runtime;
    let snapshot = NO_SNAPSHOT;
    let failures = 0;
    let disallowed = null;
    this.supervisor = new Supervisor({
      name: `version-${this.id}`,
      binary,
      runDir,
      ledger,
      sockets: VERSION_SOCKETS,
      timeoutMs: BOOT_TIMEOUT_MS,
      plan: async () => {
        // Once may be a kill in the middle; twice, and the snapshot itself is to be doubted.
        if (failures >= 2) snapshot.discard();
        failures += 1;
        snapshot = await plan.snapshot();
        // A killed process leaves its sockets, and the next one can't listen there.
        for (const file of Object.values(this.#sockets)) rmSync(file, { force: true });
        const args = [...plan.args, ...snapshot.args];
        return { config: plan.config, args, env: plan.env };
      },
      // It is told again at each probe, in case it was too busy to listen.
      probe: () => this.#tellClock(),
      prepare: () => this.#tellClock({ starts: true }),
    });
    attach(this.supervisor);
    const listen = ({ message }) => {
      disallowed ??= DISALLOWED.exec(message)?.[0] ?? null;
    };
    this.supervisor.on("log", listen);
    let cpuMs = null;
    this.supervisor.on("ready", () => {
      failures = 0;
      if (this.#watched) void this.watch(true);
      if (plan.accepted) return snapshot.keep(null);
      cpuMs = firstThreadMs(this.supervisor.pid);
      return undefined;
    });
    const watched = this.#validates ? this.#watchStartup(plan, () => snapshot) : null;
    try {
      await this.#firstStart(() => snapshot);
    } catch (error) {
      throw watched?.exceeded ? bootError([], STARTUP_EXCEEDED) : error;
    } finally {
      watched?.end();
    }
    // Of the process, not of the Worker: an upload runs no handler.
    await this.#door.probe();
    this.supervisor.off("log", listen);
    return {
      snapshot: () => snapshot,
      cpuMs,
      disallowed: disallowed === null ? null : `Uncaught Error: ${disallowed}`,
    };
  }

  /** End a start that is far beyond its CPU time, such as an endless loop at the top level. */
  #watchStartup(plan, snapshot) {
    let slowness = null;
    let looking = false;
    let over = false;
    const watched = { exceeded: false, end: () => { over = true; clearInterval(timer); } };
    const look = async () => {
      const cpuMs = snapshot().loaded ? null : firstThreadMs(this.supervisor.pid);
      if (cpuMs === null || cpuMs <= HOPELESS_STARTUP_MS) return;
      if (startupMs(cpuMs, plan) <= HOPELESS_STARTUP_MS) return;
      slowness ??= plan.python ? await pythonSlowness(this.#runtime) : machineSlowness();
      if (startupMs(cpuMs, { ...plan, slowness }) <= HOPELESS_STARTUP_MS || over) return;
      watched.exceeded = true;
      void this.supervisor.stop(0);
    };
    const timer = setInterval(async () => {
      if (looking) return;
      looking = true;
      // Where the runtime itself doesn't start, the start that is watched fails as well.
      await look().catch(() => {});
      looking = false;
    }, STARTUP_WATCH_MS);
    return watched;
  }

  async #openAssets() {
    if (!this.spec.assets) return;
    const headers = await readHeaderRules(this.spec.modulesDir);
    this.assets = new AssetSite(this.spec.assets, { ...this.spec, headers });
    this.#assetKey = this.#runtime.gateway.add(this.assets);
  }

  async #firstStart(snapshot) {
    try {
      await this.supervisor.start();
    } catch (error) {
      snapshot()?.discard();
      if (!(error instanceof WorkerdBootError)) throw error;
      if (!snapshot().loaded) {
        const silent = error.late ? STARTUP_EXCEEDED : "The Worker ended while it started.";
        throw bootError(error.output, silent);
      }
      // The snapshot itself may be damaged: what counts is a start without one.
      await this.#firstStart(snapshot);
    }
  }

  /**
   * Hand an event to the Worker's `queue` or `scheduled` handler.
   *
   * @param {"queue" | "scheduled"} kind @param {object} event
   * @returns {Promise<object>} what the handler decided
   * @throws {import("./door.mjs").DeliveryLost}
   */
  async deliver(kind, event) {
    this.begin();
    try {
      return await this.#door.deliver(kind, event);
    } catch (error) {
      void this.supervisor.doubt();
      throw error;
    } finally {
      this.end();
    }
  }

  /** Send what becomes of its invocations, or don't; a restart remembers. @param {boolean} on */
  async watch(on) {
    this.#watched = on;
    try {
      if (this.state === "ready") await this.#door.watch(on);
    } catch (error) {
      if (!(error instanceof DeliveryLost)) throw error; // it ends, and is told once it is back
    }
  }

  /**
   * Move the clock that the Worker can bind; a process that starts is told before it is ready.
   *
   * @param {number} offsetMs beyond the real time
   */
  async setClock(offsetMs) {
    this.#clockOffsetMs = offsetMs;
    try {
      if (this.state === "ready") await this.#tellClock();
    } catch (error) {
      if (!(error instanceof DeliveryLost)) throw error; // it ends, and is told when it starts
    }
  }

  async #tellClock({ starts = false } = {}) {
    let told;
    do {
      told = this.#clockOffsetMs;
      await this.#door.setClock(told, { starts });
    } while (told !== this.#clockOffsetMs);
  }

  /** Something begins that must end before the version is disposed. */
  begin() {
    this.#inFlight += 1;
  }

  end() {
    this.#inFlight -= 1;
    this.#lastActive = Date.now();
    if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * Wait until nothing is in flight, then give `waitUntil` work its time, then end the process.
   *
   * The runtime doesn't tell when such work is done, and drops it when it is stopped. Time that
   * has passed since the last request counts, so an idle version ends at once.
   *
   * @param {{graceMs: number, timeoutMs?: number}} bounds
   */
  async dispose({ graceMs, timeoutMs = DRAIN_TIMEOUT_MS }) {
    const deadline = Date.now() + timeoutMs;
    while (this.#inFlight > 0 && Date.now() < deadline) {
      await Promise.race([
        new Promise((resolve) => this.#idle.push(resolve)),
        new Promise((resolve) => setTimeout(resolve, deadline - Date.now()).unref()),
      ]);
    }
    const pause = this.#lastActive + graceMs - Date.now();
    if (pause > 0 && this.state === "ready") {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    await this.supervisor?.stop();
    this.#runtime.gateway.remove(this.#assetKey);
  }
}
