/**
 * The rate limit binding: `await env.NAME.limit({key})` → {success}.
 *
 * Fixed windows of `period` seconds, counted in this process alone: production counts per location
 * and lets a few more pass, too (Cloudflare, Workers runtime APIs, "Rate limiting").
 */

const MAX_KEYS = 10_000;

/** Counters by namespace: bindings with the same id share them, as in production. */
const namespaces = new Map();

class RateLimit {
  #settings;

  constructor(settings) {
    this.#settings = settings;
  }

  async limit(options) {
    const key = options?.key;
    if (typeof key !== "string") throw new TypeError("limit() needs {key} with a text.");
    const { id, limit, period } = this.#settings;
    const window = Math.floor(Date.now() / (period * 1000));
    let counters = namespaces.get(id);
    if (counters?.window !== window || counters.counts.size >= MAX_KEYS) {
      counters = { window, counts: new Map() };
      namespaces.set(id, counters);
    }
    const count = (counters.counts.get(key) ?? 0) + 1;
    counters.counts.set(key, count);
    return { success: count <= limit };
  }
}

export default (env) => new RateLimit(env.settings);
