/** A Worker whose answers say how its bindings behave; each path is one question. */
const told = async (work) => {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
};
/** What a result of D1 has beside the rows: the times and places differ from run to run. */
const shape = ({ success, results, meta }) => ({
  success,
  results,
  meta: [meta.changes, meta.last_row_id, meta.changed_db, meta.rows_read, meta.rows_written],
});
const T = "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, blob BLOB)";
const bytes = new Uint8Array([0, 1, 255]);
const kinds = (value) => (value === null ? "null" : value?.constructor?.name ?? typeof value);

const D1 = {
  create: (db) => db.exec(T).then(({ count }) => count),
  insert: async (db) =>
    shape(await db.prepare("INSERT INTO t (name, blob) VALUES (?, ?)").bind("a", bytes).run()),
  again: (db) => db.prepare("INSERT INTO t (name) VALUES (?)").bind("a").run(),
  all: async (db) => shape(await db.prepare("SELECT * FROM t").all()),
  first: (db) => db.prepare("SELECT * FROM t").first(),
  column: (db) => db.prepare("SELECT * FROM t").first("name"),
  "no-column": (db) => db.prepare("SELECT * FROM t").first("nothing"),
  "no-row": (db) => db.prepare("SELECT * FROM t WHERE id = 99").first(),
  raw: (db) => db.prepare("SELECT * FROM t").raw(),
  "raw-names": (db) => db.prepare("SELECT * FROM t").raw({ columnNames: true }),
  "same-names": (db) => db.prepare("SELECT 1 AS x, 2 AS x").all().then(shape),
  update: async (db) => shape(await db.prepare("UPDATE t SET name = 'b'").run()),
  returning: async (db) =>
    shape(await db.prepare("INSERT INTO t (name) VALUES ('c') RETURNING id, name").run()),
  batch: async (db) =>
    (await db.batch([db.prepare("SELECT 1 AS one"), db.prepare("SELECT count(*) AS n FROM t")])).map(shape),
  "batch-fails": (db) =>
    db.batch([db.prepare("INSERT INTO t (name) VALUES ('d')"), db.prepare("SELECT * FROM absent")]),
  "batch-left": (db) => db.prepare("SELECT count(*) AS n FROM t WHERE name = 'd'").first("n"),
  "no-table": (db) => db.prepare("SELECT * FROM absent").all(),
  syntax: (db) => db.prepare("SELEC").all(),
  begin: (db) => db.prepare("BEGIN TRANSACTION").run(),
  "too-few": (db) => db.prepare("SELECT ?1, ?2").bind(1).all(),
  "too-many": (db) => db.prepare("SELECT ?1").bind(1, 2).all(),
  undefined: (db) => db.prepare("SELECT ?").bind(undefined).all(),
  boolean: (db) => db.prepare("SELECT ? AS b").bind(true).first(),
  float: (db) => db.prepare("SELECT ? AS f").bind(1.5).first(),
  large: (db) => db.prepare("SELECT 9007199254740993 AS n").first(),
  two: (db) => db.prepare("SELECT 1; SELECT 2").all().then(shape),
  "exec-two": (db) => db.exec("SELECT 1;\nSELECT 2").then(({ count }) => count),
  "exec-fails": (db) => db.exec("SELECT 1;\nSELECT * FROM absent"),
  comment: (db) => db.prepare("-- nothing").all(),
  pragma: (db) => db.prepare("PRAGMA table_info(t)").all().then(shape),
  "foreign-keys": (db) => db.prepare("PRAGMA foreign_keys").first(),
  vacuum: (db) => db.prepare("VACUUM").run(),
  json: (db) => db.prepare("SELECT json_extract('{\"a\":[1,2]}', '$.a[1]') AS j").first(),
};

const KV = {
  none: (kv) => kv.get("none"),
  put: (kv) => kv.put("k", "v").then(kinds),
  get: (kv) => kv.get("k"),
  json: (kv) => kv.put("j", '{"a":1}').then(() => kv.get("j", "json")),
  "not-json": (kv) => kv.get("k", "json"),
  buffer: (kv) => kv.get("k", "arrayBuffer").then((found) => [...new Uint8Array(found)]),
  stream: (kv) => kv.get("k", "stream").then((found) => new Response(found).text()),
  metadata: (kv) =>
    kv.put("m", "v", { metadata: { a: 1 } }).then(() => kv.getWithMetadata("m")).then(({ value, metadata }) => ({ value, metadata })),
  many: (kv) => kv.get(["k", "none"]).then((found) => [...found]),
  "many-json": (kv) => kv.get(["j"], "json").then((found) => [...found]),
  list: (kv) => kv.list().then(({ keys, list_complete }) => ({ keys, list_complete })),
  prefix: (kv) => kv.list({ prefix: "m" }).then(({ keys }) => keys),
  page: (kv) => kv.list({ limit: 1 }).then(({ keys, list_complete, cursor }) => [keys, list_complete, typeof cursor]),
  delete: (kv) => kv.delete("k").then(kinds),
  deleted: (kv) => kv.get("k"),
  "delete-none": (kv) => kv.delete("k").then(kinds),
  "empty-key": (kv) => kv.put("", "v"),
  dot: (kv) => kv.put(".", "v"),
  "long-key": (kv) => kv.put("k".repeat(513), "v"),
  "short-life": (kv) => kv.put("k", "v", { expirationTtl: 59 }),
  "past-life": (kv) => kv.put("k", "v", { expiration: 1 }),
  "long-metadata": (kv) => kv.put("k", "v", { metadata: "x".repeat(1025) }),
  "too-many-keys": (kv) => kv.get(Array.from({ length: 101 }, (_, at) => `k${at}`)),
  "much-of-a-list": (kv) => kv.list({ limit: 1001 }).then(({ list_complete }) => list_complete),
};

const heard = [];
const QUEUE = {
  send: (queue) => queue.send({ a: 1 }).then(kinds),
  text: (queue) => queue.send("text", { contentType: "text" }).then(kinds),
  batch: (queue) => queue.sendBatch([{ body: 1 }, { body: [2] }]).then(kinds),
  "empty-batch": (queue) => queue.sendBatch([]).then(kinds),
  "large-batch": (queue) => queue.sendBatch(Array.from({ length: 101 }, () => ({ body: 1 }))).then(kinds),
  large: (queue) => queue.send("x".repeat(129_000)).then(kinds),
  "wrong-type": (queue) => queue.send({ a: 1 }, { contentType: "text" }).then(kinds),
  "long-delay": (queue) => queue.send(1, { delaySeconds: 86_401 }).then(kinds),
  again: (queue) => queue.send("retry").then(kinds),
};

export default {
  async fetch(request, env) {
    const [, kind, name] = new URL(request.url).pathname.split("/");
    const questions = { d1: D1, kv: KV, queue: QUEUE };
    if (kind === "names") {
      return Response.json(Object.entries(questions).flatMap(([of, all]) => Object.keys(all).map((one) => `${of}/${one}`)));
    }
    if (kind === "heard") return Response.json(heard);
    const binding = { d1: env.DB, kv: env.KV, queue: env.QUEUE }[kind];
    return Response.json(await told(() => questions[kind][name](binding)));
  },
  async queue(batch) {
    for (const message of batch.messages) {
      heard.push([batch.queue, JSON.stringify(message.body), message.attempts, typeof message.id, message.timestamp instanceof Date]);
      if (message.body === "retry" && message.attempts === 1) message.retry();
    }
  },
  async scheduled(controller) {
    heard.push(["cron", controller.cron, controller.scheduledTime, typeof controller.noRetry]);
  },
};
