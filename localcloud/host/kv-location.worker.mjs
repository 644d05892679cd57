/**
 * What one location of Cloudflare's network remembers of KV: a key that was read, there or not, is
 * answered from memory for 60 s, and what is written elsewhere in that time shows only later.
 *
 * Source: developers.cloudflare.com/kv/concepts/how-kv-works, "Consistency". Workers are at the
 * location, and see their own writes at once; the API writes from elsewhere.
 */

/** Larger values, and the oldest beyond this count, aren't remembered: they are always fresh. */
const MAX_BYTES = 1024 * 1024;
const MAX_KEYS = 1000;

export class KvLocation {
  #delayMs;
  #read = new Map();

  /** @param {number} delayMs how long a read is remembered; 0 hides what production does */
  constructor(delayMs) {
    this.#delayMs = delayMs;
  }

  /**
   * Answer a Worker's request.
   *
   * @param {Request} request in the protocol of the KV binding @param {string} namespace
   * @param {(request: Request) => Promise<Response>} ask the namespace itself
   * @returns {Promise<Response>}
   */
  async answer(request, namespace, ask) {
    const { pathname } = new URL(request.url);
    const key = `${namespace}${pathname}`;
    if (this.#delayMs === 0 || pathname === "/" || pathname.startsWith("/bulk/")) {
      return await ask(request);
    }
    if (request.method !== "GET") {
      this.#read.delete(key);
      return await ask(request);
    }
    const known = this.#read.get(key);
    if (known !== undefined && Date.now() - known.at < this.#delayMs) return response(known);
    const found = await ask(request);
    const body = await found.arrayBuffer();
    const read = { at: Date.now(), status: found.status, headers: [...found.headers], body };
    this.#read.delete(key);
    if (body.byteLength <= MAX_BYTES && (found.ok || found.status === 404)) this.#keep(key, read);
    return response(read);
  }

  #keep(key, read) {
    this.#read.set(key, read);
    if (this.#read.size > MAX_KEYS) this.#read.delete(this.#read.keys().next().value);
  }
}

const response = ({ status, headers, body }) => new Response(body, { status, headers });
