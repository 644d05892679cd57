import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import http from "node:http";

/** The oldest points go: a data set answers for what happened lately. */
const MAX_POINTS = 50_000;
const MAX_BYTES = 100_000;
const BLOB = /^blob(\d+)$/;
const DOUBLE = /^double(\d+)$/;

/**
 * Where the `analytics_engine` bindings of all versions write to, over loopback. Kept in memory.
 *
 * workerd posts each point as JSON, its texts as lists of bytes. The binding's data set comes in a
 * header, since workerd knows the name of its own service alone.
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
      const point = JSON.parse(Buffer.concat(parts).toString());
      this.#points.push(read(request.headers["x-analytics-dataset"], point));
      if (this.#points.length > MAX_POINTS) this.#points.splice(0, MAX_POINTS / 10);
      return answer(200);
    } catch {
      return answer(400);
    }
  }
}

function read(dataset, point) {
  const blobs = [];
  const doubles = [];
  for (const [name, value] of Object.entries(point)) {
    const blob = BLOB.exec(name);
    const double = DOUBLE.exec(name);
    if (blob !== null) blobs[Number(blob[1]) - 1] = text(value);
    if (double !== null) doubles[Number(double[1]) - 1] = Number(value);
  }
  // The time comes as nanoseconds since 1970, in decimal.
  const at = Number(BigInt(point.timestamp) / 1_000_000n);
  return {
    dataset,
    at,
    index: text(point.index1 ?? []),
    blobs: Array.from(blobs, (blob) => blob ?? ""),
    doubles: Array.from(doubles, (double) => double ?? 0),
  };
}

const text = (bytes) => Buffer.from(bytes).toString();
