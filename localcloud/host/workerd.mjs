import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { closeSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const GUARDIAN = fileURLToPath(new URL("guardian.sh", import.meta.url));

/**
 * workerd ended before it listened, or was ended since it didn't in time (`late`). `output` holds
 * what it wrote, one entry per line.
 */
export class WorkerdBootError extends Error {
  constructor(name, reason, { output, late }) {
    super(`${name}: the Workers runtime ${reason}`);
    this.name = "WorkerdBootError";
    this.output = output;
    this.late = late;
  }
}

/**
 * One run of one workerd process.
 *
 * Emits "log" ({level, message, timestampMs}) for each line it writes, and "exit" once. It never
 * outlives this process, see guardian.sh.
 */
export class Workerd extends EventEmitter {
  #child = null;
  #exited = null;
  #context;
  #output = [];

  /**
   * @param {{name: string, binary: string, runDir: string, ledger: import("./process-ledger.mjs").ProcessLedger}} context
   */
  constructor(context) {
    super();
    this.#context = context;
  }

  /** Process id while it runs, else null. */
  get pid() {
    return this.running ? this.#child.pid : null;
  }

  get running() {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /**
   * Start, and wait until every socket of the config listens.
   *
   * @param {{config: string, args?: string[], env?: Record<string, string>, sockets: string[], timeoutMs: number}} run
   * @returns {Promise<Map<string, number>>} port of each socket
   * @throws {WorkerdBootError} it ended, or didn't listen in time
   */
  async start({ config, args = [], env = {}, sockets, timeoutMs }) {
    const { name, binary, runDir, ledger } = this.#context;
    const input = unlinkedFile(path.join(runDir, `${name}.capnp`), config);
    try {
      this.#child = spawn(
        GUARDIAN,
        [binary, "serve", "--experimental", "--control-fd=3", ...args, "/dev/stdin"],
        { stdio: [input, "pipe", "pipe", "pipe"], env: { PATH: process.env.PATH, TZ: "UTC", ...env } },
      );
    } finally {
      closeSync(input);
    }
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", resolve);
      this.#child.once("exit", resolve);
    });
    if (this.#child.pid !== undefined) ledger.add(this.#child.pid, name);
    void this.#exited.then((code) => {
      if (this.#child.pid !== undefined) ledger.remove(this.#child.pid);
      this.#child.stdio[3]?.destroy();
      this.emit("exit", code);
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface(stream).on("line", (line) => this.#write(line));
    }
    return await this.#listening(new Set(sockets), timeoutMs);
  }

  /**
   * End it: SIGTERM, then SIGKILL when it hasn't ended in time.
   *
   * @param {number} [graceMs]
   */
  async stop(graceMs = 2000) {
    if (!this.running) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Wait for its end. @param {number} timeoutMs longest wait */
  async ended(timeoutMs) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, timeoutMs).unref();
    });
    await Promise.race([this.#exited, late]);
    clearTimeout(timer);
  }

  /** SIGKILL, at once. */
  kill() {
    if (this.running) this.#child.kill("SIGKILL");
  }

  async #listening(missing, timeoutMs) {
    const ports = new Map();
    const lines = createInterface(this.#child.stdio[3]);
    const complete = new Promise((resolve) => {
      lines.on("line", (line) => {
        const { event, socket, port } = JSON.parse(line);
        if (event !== "listen" || !missing.delete(socket)) return;
        ports.set(socket, port);
        if (missing.size === 0) resolve("listening");
      });
    });
    const ended = this.ended(timeoutMs).then(() => (this.running ? "late" : "ended"));
    const outcome = await Promise.race([complete, ended]);
    if (outcome === "listening") return ports;
    this.kill();
    await this.#exited;
    await this.#drained();
    const late = outcome === "late";
    const reason = late ? `didn't listen within ${timeoutMs} ms` : "didn't start";
    throw new WorkerdBootError(this.#context.name, reason, { output: this.#output, late });
  }

  async #drained() {
    const open = [this.#child.stdout, this.#child.stderr].filter((stream) => !stream.readableEnded);
    await Promise.all(open.map((stream) => once(stream, "close")));
  }

  #write(line) {
    let entry = { level: "info", message: line };
    try {
      const { level, message } = JSON.parse(line);
      if (typeof message === "string") entry = { level: level ?? "info", message };
    } catch {
      // Not every line of the runtime is structured: crash reports are plain text.
    }
    if (this.#output.length < 200) this.#output.push(entry.message);
    this.emit("log", { ...entry, timestampMs: Date.now() });
  }
}

/** A readable descriptor on a text that has no name on disk any more: configs hold secrets. */
function unlinkedFile(file, text) {
  writeFileSync(file, text, { mode: 0o600 });
  try {
    return openSync(file, "r");
  } finally {
    unlinkSync(file);
  }
}
