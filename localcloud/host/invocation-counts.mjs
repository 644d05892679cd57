const MINUTE_MS = 60_000;
const MAX_MINUTES = 24 * 60;
/** Of so many invocations a minute the durations are kept; every further one replaces one. */
const MAX_DURATIONS = 256;

/**
 * How many requests each version had in each minute of the last day, how many of them failed by
 * the runtime's fault or an exception, and how long they took. Kept in memory only.
 */
export class InvocationCounts {
  #minutes = new Map();

  /**
   * @param {{version: string, script: string, ms: number, failed: boolean, at?: number}} one
   *   `ms` from the first byte in to the last byte out
   */
  add({ version, script, ms, failed, at = Date.now() }) {
    const start = Math.floor(at / MINUTE_MS) * MINUTE_MS;
    const minute = this.#minutes.get(start) ?? this.#begin(start);
    let counts = minute.get(version);
    if (counts === undefined) {
      counts = { version, script, start, requests: 0, errors: 0, durations: [] };
      minute.set(version, counts);
    }
    counts.requests += 1;
    if (failed) counts.errors += 1;
    if (counts.durations.length < MAX_DURATIONS) counts.durations.push(ms);
    else {
      // Each invocation stays in with the same chance (reservoir sampling).
      const place = Math.floor(Math.random() * counts.requests);
      if (place < MAX_DURATIONS) counts.durations[place] = ms;
    }
  }

  /** @returns {{version, script, start, requests, errors, durations: number[]}[]} oldest first */
  list() {
    return [...this.#minutes.values()].flatMap((minute) => [...minute.values()]);
  }

  #begin(start) {
    const minute = new Map();
    this.#minutes.set(start, minute);
    for (const old of this.#minutes.keys()) {
      if (old > start - MAX_MINUTES * MINUTE_MS) break;
      this.#minutes.delete(old);
    }
    return minute;
  }
}
