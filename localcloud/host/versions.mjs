import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import { Version } from "./version.mjs";

/**
 * The versions that run, by id. Emits "log" and "restart", each with the version it is about.
 */
export class Versions extends EventEmitter {
  #runtime;
  #running = new Map();
  #boots = new Map();
  #watched = new Set();
  #clockOffsetMs = 0;

  /** @param {object} runtime see Version */
  constructor(runtime) {
    super();
    this.#runtime = runtime;
  }

  /** @param {string} id @returns {Version | undefined} */
  get(id) {
    return this.#running.get(id)?.version;
  }

  /** @returns {Version[]} those that run and those that boot */
  all() {
    const running = [...this.#running.values()];
    const booting = [...this.#boots.values()];
    return [...running, ...booting].map(({ version }) => version);
  }

  /**
   * Make a version run. The same specification again answers what the first call did; another
   * one under the same id boots beside the old process and then takes its place.
   *
   * @param {object} spec
   * @param {{validates?: boolean}} [options] `validates`: refuse what production refuses at upload
   * @returns {Promise<{bootMs: number, startupMs: number | null, fromSnapshot: boolean}>}
   * @throws {import("./boot-error.mjs").BootError | import("./bindings.mjs").UnsupportedBinding}
   */
  async put(spec, { validates = false } = {}) {
    const print = createHash("sha256").update(JSON.stringify(spec)).digest("hex");
    for (let boot = this.#boots.get(spec.id); boot; boot = this.#boots.get(spec.id)) {
      if (boot.print === print) return await boot.promise;
      // Another specification is on its way: what it ends with decides nothing about this one.
      await boot.promise.catch(() => {});
    }
    const running = this.#running.get(spec.id);
    if (running?.print === print) return running.booted;

    // Nothing may be awaited before the boot is noted: several callers may wait for the same one.
    const version = new Version(spec, this.#runtime, {
      validates,
      clockOffsetMs: this.#clockOffsetMs,
    });
    if (this.#watched.has(spec.script)) void version.watch(true);
    const promise = version.boot((supervisor) => this.#listen(version, supervisor));
    this.#boots.set(spec.id, { version, print, promise });
    try {
      const booted = await promise;
      this.#running.set(spec.id, { version, print, booted });
      if (running) void running.version.dispose({ graceMs: this.#runtime.graceMs });
      return booted;
    } finally {
      this.#boots.delete(spec.id);
    }
  }

  /**
   * Drain a version and end it; it gets no new requests from now on.
   *
   * @param {string} id
   * @returns {Promise<boolean>} false where no such version runs
   */
  async delete(id) {
    await this.#boots.get(id)?.promise.catch(() => {});
    const version = this.get(id);
    if (version === undefined) return false;
    this.#running.delete(id);
    await version.dispose({ graceMs: this.#runtime.graceMs });
    return true;
  }

  /** Let the versions of these Workers, and of no others, send traces. @param {string[]} scripts */
  async watch(scripts) {
    this.#watched = new Set(scripts);
    await Promise.all(this.all().map((one) => one.watch(this.#watched.has(one.script))));
  }

  /** Milliseconds by which the Workers' clock is ahead of the real time. */
  get clockOffsetMs() {
    return this.#clockOffsetMs;
  }

  /** Move the clock of all versions. @param {number} offsetMs beyond the real time */
  async setClock(offsetMs) {
    this.#clockOffsetMs = offsetMs;
    await Promise.all(this.all().map((one) => one.setClock(offsetMs)));
  }

  /** Put a line of the host's own into a version's log. @param {string} message */
  tell(version, message) {
    this.emit("log", version, { level: "error", message, timestampMs: Date.now() });
  }

  /** End all of them. @param {{graceMs: number, timeoutMs: number}} bounds */
  async disposeAll(bounds) {
    const all = this.all();
    this.#running.clear();
    await Promise.all(all.map((version) => version.dispose(bounds)));
  }

  #listen(version, supervisor) {
    supervisor.on("log", (entry) => this.emit("log", version, entry));
    supervisor.on("restart", (event) => this.emit("restart", version, event));
  }
}
