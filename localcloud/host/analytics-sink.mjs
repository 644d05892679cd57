import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import http from "node:http";

/** The oldest points go: a data set answers for what happened lately. */
const MAX_POINTS = 50_000;
/** Of the points that leave together, see data-set.binding.mjs. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Where the `analytics_engine` bindings of all versions write to, over loopback. Kept in memory.
 *
 * The binding's data set comes in a header.
 */
export class AnalyticsSink {
  #points = [];
  #key = randomBytes(24).toString("hex");
  #server = http.createServer((request, response) => this.#take(request, response));

  /** Listen on a free loopback port. */
  async start() {
    this.#server.keepAliveTimeout = 75_000;
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** `host:port` of the server. */
  get address() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  /** The headers by which a version's binding names its data set and proves itself. */
  headers(dataset) {
    return [
      { name: "X-Analytics-Key", value: this.#key },
      { name: "X-Analytics-Dataset", value: dataset },
    ];
  }

  /** @returns {{dataset: string, at: number, index: string, blobs: string[], doubles: number[]}[]} */
  list() {
    return this.#points;
  }

  async #take(request, response) {
    const answer = (status) => response.writeHead(status, { "content-length": 0 }).end();
    const given = Buffer.from(request.headers["x-analytics-key"] ?? "");
    const key = Buffer.from(this.#key);
    if (given.length !== key.length || !timingSafeEqual(given, key)) return answer(403);
    try {
      const parts = [];
      let size = 0;
      for await (const part of request) {
        size += part.length;
        if (size > MAX_BYTES) return answer(413);
        parts.push(part);
      }
      const dataset = request.headers["x-analytics-dataset"];
      for (const { at, index, blobs, doubles } of JSON.parse(Buffer.concat(parts).toString())) {
        this.#points.push({ dataset, at, index, blobs, doubles });
      }
      if (this.#points.length > MAX_POINTS) this.#points.splice(0, MAX_POINTS / 10);
      return answer(200);
    } catch {
      return answer(400);
    }
  }
}
