/**
 * The binding to a data set of Workers Analytics Engine: `env.NAME.writeDataPoint(point)`.
 *
 * Points of requests side by side leave together, behind the answers: one call for each costs the
 * Worker a tenth of its time, and holds up the front, which takes them in the same process.
 */
import entrypoints from "cloudflare-internal:workers";

/** How long a point waits for others. */
const GATHER_MS = 20;
/** Points that leave together at most. */
const MOST = 100;
/** Cloudflare, "Workers Analytics Engine, Limits"; the texts of its refusals are workerd's. */
const MOST_INDEXES = 1;
const MOST_FIELDS = 20;
const MAX_INDEX_BYTES = 96;
const MAX_BLOB_BYTES = 16_384;

const bytes = new TextEncoder();

class DataSet {
  #sink;
  #points = [];
  #leavesMs = 0;

  constructor(sink) {
    this.#sink = sink;
  }

  writeDataPoint({ indexes = [], blobs = [], doubles = [] } = {}) {
    this.#points.push(checked({ indexes, blobs, doubles }));
    const now = Date.now();
    if (this.#points.length < MOST && now < this.#leavesMs) return;
    // Where the request that leads is gone with its group, the next one takes it along.
    this.#leavesMs = now + 2 * GATHER_MS;
    entrypoints.waitUntil(this.#send());
  }

  async #send() {
    if (this.#points.length < MOST) await new Promise((done) => setTimeout(done, GATHER_MS));
    const points = this.#points.splice(0);
    this.#leavesMs = 0;
    if (points.length === 0) return;
    await this.#sink.fetch("http://points/", { method: "POST", body: JSON.stringify(points) });
  }
}

function checked({ indexes, blobs, doubles }) {
  const most = (what, list, maximum) => {
    if (list.length > maximum) {
      throw new TypeError(`writeDataPoint(): Maximum of ${maximum} ${what} supported.`);
    }
  };
  most("indexes", indexes, MOST_INDEXES);
  most("blobs", blobs, MOST_FIELDS);
  most("doubles", doubles, MOST_FIELDS);
  const index = text(indexes[0]);
  const texts = blobs.map(text);
  if (bytes.encode(index).length > MAX_INDEX_BYTES) {
    throw new TypeError(
      `writeDataPoint(): Size of indexes[0] exceeds ${MAX_INDEX_BYTES} bytes).`,
    );
  }
  if (bytes.encode(texts.join("")).length > MAX_BLOB_BYTES) {
    throw new TypeError(
      `writeDataPoint(): Cumulative size of blobs exceeds ${MAX_BLOB_BYTES} bytes).`,
    );
  }
  return { at: Date.now(), index, blobs: texts, doubles: doubles.map(Number) };
}

const text = (value) =>
  value instanceof ArrayBuffer ? new TextDecoder().decode(value) : String(value ?? "");

export default (env) => new DataSet(env.sink);
