import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import path from "node:path";

const MAX_BYTES = 8 * 1024 * 1024;
const MAX_BEHIND_BYTES = 4 * 1024 * 1024;
const MAX_LISTENERS = 32;
/** Events that follow each other faster are written together. */
const GATHER_MS = 20;

/**
 * What happens in the data plane, one JSON object per line: to a file in the state folder, and
 * live to whoever listens.
 *
 * Each request of a Worker leaves lines: under load, what came within 20 ms is written at once. The
 * file is renamed to `….1` at 8 MiB, so that no more than twice that is kept.
 */
export class EventLog {
  #file;
  #size;
  #listeners = new Set();
  #gathered = [];
  #timer = null;
  #writtenAt = 0;

  /** @param {string} file made when missing, its folder too */
  constructor(file) {
    this.#file = file;
    mkdirSync(path.dirname(file), { recursive: true });
    this.#size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }

  /**
   * @param {{type: string}} event
   * @throws {NodeJS.ErrnoException} never for a full disk: the line then reaches listeners only
   */
  write(event) {
    this.#gather(`${JSON.stringify(event)}\n`, true);
  }

  /** Send an event to whoever listens, and keep it nowhere. @param {{type: string}} event */
  send(event) {
    this.#gather(`${JSON.stringify(event)}\n`, false);
  }

  #gather(line, kept) {
    this.#gathered.push({ line, kept });
    const pause = Math.max(this.#writtenAt + GATHER_MS - Date.now(), 0);
    this.#timer ??= setTimeout(() => this.#flush(), Math.min(pause, GATHER_MS));
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#writtenAt = Date.now();
    const gathered = this.#gathered.splice(0);
    const text = (some) => some.map(({ line }) => line).join("");
    const kept = text(gathered.filter((one) => one.kept));
    if (kept !== "") this.#append(kept);
    this.#send(text(gathered));
  }

  #send(lines) {
    for (const listener of this.#listeners) {
      // A listener that doesn't read would otherwise fill the memory.
      if (listener.writableLength > MAX_BEHIND_BYTES) listener.destroy();
      else listener.write(lines);
    }
  }

  /**
   * Send every further event to a stream until it closes.
   *
   * @param {import("node:stream").Writable} stream
   * @returns {boolean} false where too many listen already
   */
  attach(stream) {
    if (this.#listeners.size >= MAX_LISTENERS) return false;
    this.#listeners.add(stream);
    stream.once("close", () => this.#listeners.delete(stream));
    return true;
  }

  /** End every listener's stream. */
  close() {
    this.#flush();
    for (const listener of this.#listeners) listener.end();
  }

  #append(lines) {
    try {
      if (this.#size > MAX_BYTES) {
        renameSync(this.#file, `${this.#file}.1`);
        this.#size = 0;
      }
      appendFileSync(this.#file, lines, { mode: 0o600 });
      this.#size += Buffer.byteLength(lines);
    } catch (error) {
      if (error.code !== "ENOSPC") throw error;
    }
  }
}
