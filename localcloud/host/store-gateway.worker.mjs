/**
 * The one Worker that opens D1 and KV data. The header `X-Store` names the object as
 * `<kind>/<id>`, so a new database or namespace needs no restart.
 */
import kv from "./kv.js";

export { D1Database, default as D1 } from "./d1.js";
export { KVNamespace } from "./kv.js";

/** Ids that exist: from the config at start, then by PUT /stores. */
let known = null;

export default {
  async fetch(request, env, ctx) {
    if (request.headers.get("X-Store-Token") !== env.TOKEN) return refuse(403, "Not allowed here.");
    known ??= index(JSON.parse(env.STORES));
    const store = request.headers.get("X-Store");
    if (store === null) return await manage(request, env);
    if (!known.has(store)) return refuse(404, `No store ${store} exists.`);
    const [kind, id] = store.split("/");
    if (kind === "d1") return await ctx.exports.D1({ props: { database: id } }).fetch(request);
    const { waitUntil } = { waitUntil: (work) => ctx.waitUntil(work) };
    return await kv.fetch(request, env, { props: { namespace: id }, waitUntil });
  },
};

const index = ({ d1, kv: namespaces }) =>
  new Set([...d1.map((id) => `d1/${id}`), ...namespaces.map((id) => `kv/${id}`)]);

const refuse = (status, error) => Response.json({ success: false, error }, { status });

/** PUT /stores replaces the list; GET /files/<kind>/<id> tells the name of a store's files. */
async function manage(request, env) {
  const { pathname } = new URL(request.url);
  if (request.method === "PUT" && pathname === "/stores") {
    known = index(await request.json());
    return Response.json({ success: true });
  }
  const [, root, kind, id] = pathname.split("/");
  if (root === "files" && id) {
    const objects = kind === "d1" ? env.DATABASE : env.SHARD;
    return Response.json({ success: true, name: objects.idFromName(id).toString() });
  }
  return Response.json({ success: true });
}
