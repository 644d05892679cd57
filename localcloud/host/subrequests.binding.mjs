/**
 * Counts the subrequests of each invocation of a Worker, in the Worker's own isolate, and refuses
 * those beyond its limits: requests of `fetch`, and calls of D1, KV, queues and assets.
 *
 * Every counted binding is made here, and `fetch` is replaced when the first of them is.
 */
import makeDatabase from "cloudflare-internal:d1-api";

const MORE = "To configure this limit, refer to https://developers.cloudflare.com/workers/wrangler/configuration/#limits";
/** What Cloudflare says beyond the limits. */
const TOO_MANY = {
  external: `Too many subrequests by single Worker invocation. ${MORE}`,
  internal: `Too many API requests by single Worker invocation. ${MORE}`,
};
/** Invocations that are remembered; of more that run at a time the oldest are counted anew. */
const MAX_REMEMBERED = 100;
/** The calls of bindings that reach a service. */
const CALLS = new Set([
  "delete", "fetch", "get", "getWithMetadata", "list", "metrics", "put", "send", "sendBatch",
]);

/** Counts of the invocations that ran last, newest first. */
const remembered = [];

/**
 * The counts of the invocation that runs. Only it may use what it has made: to every other one the
 * runtime refuses its socket.
 */
function current() {
  for (const counts of remembered) {
    try {
      void counts.own.readyState;
      return counts;
    } catch {
      // Another invocation's.
    }
  }
  const counts = { own: new WebSocketPair()[0], external: 0, internal: 0 };
  remembered.unshift(counts);
  remembered.length = Math.min(remembered.length, MAX_REMEMBERED);
  return counts;
}

function count(kind, limits) {
  const counts = current();
  if (counts[kind] >= limits[kind]) throw new Error(TOO_MANY[kind]);
  counts[kind] += 1;
}

/** A binding whose calls are counted. */
const counted = (binding, limits) =>
  new Proxy(binding, {
    get(target, name) {
      const found = target[name];
      if (typeof found !== "function") return found;
      if (!CALLS.has(name)) return found.bind(target);
      return async (...given) => {
        count("internal", limits);
        return await found.apply(target, given);
      };
    },
  });

let replaced = false;

function replaceFetch(limits) {
  if (replaced) return;
  replaced = true;
  const { fetch } = globalThis;
  globalThis.fetch = async (...given) => {
    count("external", limits);
    return await fetch(...given);
  };
}

export default ({ limits, database, inner }) => {
  replaceFetch(limits);
  if (database !== undefined) return makeDatabase({ fetcher: counted(database, limits) });
  return inner === undefined ? undefined : counted(inner, limits);
};
