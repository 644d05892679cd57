import { EventEmitter } from "node:events";
import { Workerd } from "./workerd.mjs";

const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 5000;
/** After a run this long the next restart needs no pause: it isn't a crash at each start. */
const HEALTHY_MS = 1000;
const PROBE_EVERY_MS = 5000;
/** Production ends a request after 30 s of CPU; a process that long silent hangs. */
const SILENT_PROBES = 6;
/** A killed process is gone within this time; one that still runs then is only slow. */
const DOUBT_MS = 1000;

/**
 * Keeps one workerd alive on the same ports.
 *
 * A process that ends is started again, for ever, with a growing pause between failures; one
 * that stops to answer is killed first. Emits "log", "ready" and "restart" ({reason}).
 */
export class Supervisor extends EventEmitter {
  #options;
  #process = null;
  #ports = new Map();
  #stopping = false;
  #state = "booting";
  #waiting = [];
  #probeTimer = null;
  #pauseMs = 0;
  #silent = 0;

  /**
   * @param {{name: string, binary: string, runDir: string, ledger: object, sockets: string[],
   *   timeoutMs: number, plan: (ports: Map<string, number>) => Promise<{config: string,
   *   args?: string[], env?: object}>, probe: (ports: Map<string, number>) => Promise<void>,
   *   prepare?: () => Promise<void>}} options `plan` is asked before each start with the ports to use
   *   (0 or absent: any); `prepare` runs when it listens, before it is ready
   */
  constructor(options) {
    super();
    this.#options = options;
  }

  /** "booting", "ready" or "dead" (stopped). */
  get state() {
    return this.#state;
  }

  get pid() {
    return this.#process?.pid ?? null;
  }

  /** @param {string} socket @returns {number | undefined} */
  port(socket) {
    return this.#ports.get(socket);
  }

  /**
   * The first start. A failure here is the caller's to judge; nothing is tried again.
   *
   * @throws {import("./workerd.mjs").WorkerdBootError}
   */
  async start() {
    this.#state = "booting";
    try {
      await this.#run();
    } catch (error) {
      this.#state = "dead";
      throw error;
    }
    this.#probeTimer = setInterval(() => void this.#watch(), PROBE_EVERY_MS).unref();
  }

  /**
   * Wait until it answers.
   *
   * @param {number} timeoutMs
   * @returns {Promise<boolean>} false: not within the time, or stopped for good
   */
  async whenReady(timeoutMs) {
    if (this.#state !== "booting") return this.#state === "ready";
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#waiting.push((ready) => {
        clearTimeout(timer);
        resolve(ready);
      });
    });
  }

  /**
   * A connection to it broke: don't count on it until it has answered or has ended.
   *
   * A killed process takes connections for a while yet, and resets them all in the end.
   */
  async doubt() {
    if (this.#state !== "ready") return;
    const doubted = this.#process;
    this.#become("booting");
    try {
      await this.#options.probe(this.#ports);
    } catch {
      await doubted.ended(DOUBT_MS);
    }
    if (doubted === this.#process && doubted.running && !this.#stopping) this.#become("ready");
  }

  /** End the process for good. @param {number} [graceMs] before SIGKILL */
  async stop(graceMs) {
    this.#stopping = true;
    clearInterval(this.#probeTimer);
    this.#become("dead");
    await this.#process?.stop(graceMs);
  }

  async #run() {
    const { name, binary, runDir, ledger, sockets, timeoutMs, plan, prepare } = this.#options;
    const run = await plan(this.#ports);
    const workerd = new Workerd({ name, binary, runDir, ledger });
    this.#process = workerd;
    workerd.on("log", (entry) => this.emit("log", entry));
    let servingSince = Number.POSITIVE_INFINITY;
    let ended = false;
    const again = () => {
      if (!this.#stopping) void this.#restart(Date.now() - servingSince > HEALTHY_MS);
    };
    workerd.once("exit", () => {
      ended = true;
      if (Number.isFinite(servingSince)) again();
    });
    this.#ports = await workerd.start({ ...run, sockets, timeoutMs });
    if (!ended && prepare !== undefined) await this.#prepare(workerd, prepare);
    servingSince = Date.now();
    if (ended) return again();
    this.#become("ready");
    this.emit("ready");
  }

  async #prepare(workerd, prepare) {
    try {
      await prepare();
    } catch {
      workerd.kill();
      await workerd.ended(DOUBT_MS);
    }
  }

  async #restart(wasHealthy) {
    this.#become("booting");
    this.emit("restart", { reason: "the process ended" });
    if (wasHealthy) this.#pauseMs = 0;
    while (!this.#stopping) {
      await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
      if (this.#stopping) return;
      this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, FIRST_PAUSE_MS), MAX_PAUSE_MS);
      try {
        await this.#run();
        return;
      } catch (error) {
        this.emit("restart", { reason: error.message });
      }
    }
  }

  #become(state) {
    this.#state = state;
    if (state === "booting") return;
    for (const resolve of this.#waiting.splice(0)) resolve(state === "ready");
  }

  async #watch() {
    if (this.#state !== "ready") return;
    const watched = this.#process;
    try {
      await this.#options.probe(this.#ports);
      this.#silent = 0;
    } catch {
      this.#silent += 1;
    }
    if (this.#silent < SILENT_PROBES || watched !== this.#process) return;
    this.#silent = 0;
    this.emit("restart", { reason: "the process didn't answer and was killed" });
    watched.kill();
  }
}
