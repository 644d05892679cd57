/**
 * What one location of Cloudflare's network remembers of KV: a key that was read, there or not, a
 * bulk read and a list are answered from memory for 60 s, or for a read's `cacheTtl`, and what is
 * written elsewhere in that time shows only later.
 *
 * Source: developers.cloudflare.com/kv/concepts/how-kv-works, "Consistency", and
 * /kv/api/read-key-value-pairs, `cacheTtl`. Workers are at the location, and see their own writes
 * at once; the API writes from elsewhere.
 */

/** Larger values, and the oldest beyond this count, aren't remembered: they are always fresh. */
const MAX_BYTES = 1024 * 1024;
const MAX_ANSWERS = 1000;

export class KvLocation {
  #delayMs;
  #now;
  /** Answers by namespace, then by what was asked; reads of one key begin with "/". */
  #namespaces = new Map();

  /**
   * @param {number} delayMs how long an answer is remembered; 0 hides what production does
   * @param {() => number} [now] the time in ms
   */
  constructor(delayMs, now = Date.now) {
    this.#delayMs = delayMs;
    this.#now = now;
  }

  /**
   * Answer a Worker's request.
   *
   * @param {Request} request in the protocol of the KV binding @param {string} namespace
   * @param {(request: Request) => Promise<Response>} ask the namespace itself
   * @returns {Promise<Response>}
   */
  async answer(request, namespace, ask) {
    if (this.#delayMs === 0) return await ask(request);
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/bulk/get") {
      const body = await request.text();
      const again = new Request(request.url, { method: "POST", headers: request.headers, body });
      return await this.#read(namespace, `bulk ${body}`, bulkTtl(body), () => ask(again));
    }
    if (request.method !== "GET") {
      this.#forget(namespace, pathname);
      return await ask(request);
    }
    const asked = pathname === "/" ? `list ${searchParams}` : pathname;
    const ttl = Number(searchParams.get("cache_ttl"));
    return await this.#read(namespace, asked, ttl, () => ask(request));
  }

  async #read(namespace, asked, ttlSeconds, ask) {
    const answers = this.#namespaces.get(namespace) ?? new Map();
    this.#namespaces.set(namespace, answers);
    const known = answers.get(asked);
    if (known !== undefined && this.#now() < known.until) return response(known);
    const found = await ask();
    const body = await found.arrayBuffer();
    const until = this.#now() + (ttlSeconds > 0 ? ttlSeconds * 1000 : this.#delayMs);
    const read = { until, status: found.status, headers: [...found.headers], body };
    answers.delete(asked);
    if (body.byteLength <= MAX_BYTES && (found.ok || found.status === 404)) {
      answers.set(asked, read);
      if (answers.size > MAX_ANSWERS) answers.delete(answers.keys().next().value);
    }
    return response(read);
  }

  /** A write: of its key nothing is remembered, nor of what may hold it. */
  #forget(namespace, key) {
    const answers = this.#namespaces.get(namespace);
    for (const asked of answers?.keys() ?? []) {
      if (asked === key || !asked.startsWith("/")) answers.delete(asked);
    }
  }
}

function bulkTtl(body) {
  try {
    return Number(JSON.parse(body).cacheTtl ?? 0);
  } catch {
    return 0; // the namespace says what is wrong with it
  }
}

const response = ({ status, headers, body }) => new Response(body, { status, headers });
