import { ControlError } from "./control-channel.mjs";
import { UnknownStore } from "./store.mjs";

/**
 * D1's longest query (developers.cloudflare.com/d1/platform/limits), and what D1 says of a longer
 * one (…/d1/observability/debug-d1). The supervisor ends the store that is silent for so long.
 */
const MAX_QUERY_MS = 30_000;
const TOO_LONG = "D1 DB exceeded its CPU time limit and was reset.";

/** Headers of a KV value that travel with it. */
const VALUE_HEADERS = ["cf-kv-metadata", "cf-expiration"];

/**
 * The control channel's routes to the data: which stores exist, SQL, keys and values.
 *
 * @param {import("./store.mjs").Store} store
 * @returns {[string, RegExp, Function][]}
 */
export function storeRoutes(store) {
  const value = /^\/kv\/([^/]+)\/values\/(.+)$/;
  return [
    ["PUT", /^\/stores$/, (call) => declare(store, call)],
    ["DELETE", /^\/stores\/(d1|kv)\/([^/]+)$/, (call) => erase(store, call)],
    ["POST", /^\/d1\/([^/]+)\/query$/, (call) => query(store, call)],
    ["GET", /^\/d1\/([^/]+)\/files$/, ({ params: [id] }) => known(() => store.files(id))],
    ["POST", /^\/d1\/([^/]+)\/hold$/, ({ params: [id] }) => known(() => store.hold(id))],
    ["POST", /^\/d1\/([^/]+)\/release$/, (call) => release(store, call)],
    ["GET", value, (call) => readValue(store, call)],
    ["PUT", value, (call) => writeValue(store, call)],
    ["DELETE", value, (call) => deleteValue(store, call)],
    ["GET", /^\/kv\/([^/]+)\/keys$/, (call) => listKeys(store, call)],
  ];
}

async function declare(store, { json }) {
  const { d1, kv } = json();
  if (![d1, kv].every((ids) => Array.isArray(ids) && ids.every((id) => typeof id === "string"))) {
    throw new ControlError(400, "invalid_stores", "d1 and kv must be lists of ids.");
  }
  await store.declare({ d1, kv });
  return { ok: true };
}

async function erase(store, { params: [kind, id] }) {
  await known(() => store.erase(kind, id));
  return { ok: true };
}

/** One statement, or a list of them as one transaction. */
async function query(store, { params: [id], query: options, body }) {
  const format = options.get("resultsFormat");
  const target = format === null ? "/query" : `/query?resultsFormat=${encodeURIComponent(format)}`;
  const startedAt = performance.now();
  const answer = await known(async () => {
    try {
      return await (await store.fetch("d1", id, target, { method: "POST", body })).json();
    } catch (error) {
      const lasted = performance.now() - startedAt;
      if (error instanceof UnknownStore || lasted < MAX_QUERY_MS) throw error;
      throw new ControlError(400, "sql_error", TOO_LONG);
    }
  });
  if (!Array.isArray(answer)) {
    throw new ControlError(400, "sql_error", answer.error ?? "The statement failed.");
  }
  // workerd's clock stands still while a statement runs: the time is taken here.
  const duration = (performance.now() - startedAt) / answer.length;
  for (const { meta } of answer) meta.duration = Math.round(duration * 1e4) / 1e4;
  return { results: answer };
}

async function release(store, { params: [id], json }) {
  await known(() => store.release(id, { swap: json().swap === true }));
  return { ok: true };
}

async function readValue(store, { params: [id, key] }) {
  const response = await known(() => store.fetch("kv", id, keyTarget(key)));
  if (response.status === 404) {
    await response.body?.cancel();
    throw new ControlError(404, "key_not_found", "The namespace has no such key.");
  }
  await orRefusal(response);
  const kept = VALUE_HEADERS.filter((name) => response.headers.has(name));
  const headers = Object.fromEntries(kept.map((name) => [name, response.headers.get(name)]));
  return new Response(response.body, {
    headers: { "content-type": "application/octet-stream", ...headers },
  });
}

async function writeValue(store, { params: [id, key], query: options, headers, body }) {
  const passed = ["expiration", "expiration_ttl"].filter((name) => options.has(name));
  const target = passed.reduce(
    (text, name) => `${text}&${name}=${encodeURIComponent(options.get(name))}`,
    keyTarget(key),
  );
  const metadata = headers["cf-kv-metadata"];
  const response = await known(() =>
    store.fetch("kv", id, target, {
      method: "PUT",
      body,
      headers: metadata === undefined ? {} : { "cf-kv-metadata": metadata },
    }),
  );
  await orRefusal(response);
  return { ok: true };
}

async function deleteValue(store, { params: [id, key] }) {
  await orRefusal(await known(() => store.fetch("kv", id, keyTarget(key), { method: "DELETE" })));
  return { ok: true };
}

async function listKeys(store, { params: [id], query: options }) {
  const wanted = new URLSearchParams();
  for (const [given, name] of [["prefix", "prefix"], ["limit", "key_count_limit"], ["cursor", "cursor"]]) {
    if (options.has(given)) wanted.set(name, options.get(given));
  }
  const response = await known(() => store.fetch("kv", id, `/?${wanted}`));
  await orRefusal(response);
  return await response.json();
}

/** The key stays percent-encoded on its way, whatever it holds. */
const keyTarget = (encoded) => `/${encoded}?urlencoded=true`;

async function known(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnknownStore) {
      throw new ControlError(404, "store_not_found", error.message);
    }
    if (error instanceof TypeError) {
      throw new ControlError(503, "store_unreachable", "The store is starting again; try again.");
    }
    throw error;
  }
}

async function orRefusal(response) {
  if (response.ok) return;
  throw new ControlError(response.status, "kv_error", (await response.text()).slice(0, 500));
}
