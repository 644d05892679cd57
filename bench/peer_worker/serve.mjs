// Runs the peer with its database in one workerd process until standard input ends. One line of JSON
// on standard input is the order: {folder, secret, endpoint}. One on standard output tells {port, pid}.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import ts from "typescript";
import { workerdConfig } from "../../localcloud/host/capnp-text.mjs";
import { Workerd } from "../../localcloud/host/workerd.mjs";

const SCHEMA = [
  "CREATE TABLE user_configs (user_id TEXT, channel_type TEXT, config TEXT, is_active INTEGER,"
    + " PRIMARY KEY (user_id, channel_type))",
  "CREATE TABLE notification_logs (id INTEGER PRIMARY KEY, message_id TEXT UNIQUE, user_id TEXT,"
    + " channel_type TEXT, subject TEXT, content TEXT, status TEXT, created_at TEXT)",
  "CREATE INDEX logs_of_a_user ON notification_logs (user_id, created_at)",
];
/** What D1's binding asks, answered by workerd's own database object in the same process. */
const DATABASE = `
export { D1Database } from "./d1.js";
export default {
  async fetch(request, env) {
    const statements = [await request.json()].flat();
    const database = env.DATABASE.get(env.DATABASE.idFromName("peer"));
    try {
      const { results } = await database.run(statements, false);
      return Response.json(results.map(({ columns, rows, meta }) => ({
        success: true,
        results: new URL(request.url).searchParams.get("resultsFormat") === "ROWS_AND_COLUMNS"
          ? { columns, rows }
          : rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]]))),
        meta,
      })));
    } catch (error) {
      return Response.json({ success: false, error: String(error) });
    }
  },
};`;

const lines = createInterface(process.stdin);
const { folder, secret, endpoint } = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
const source = readFileSync(new URL("peer.ts", import.meta.url), "utf8");
const { outputText } = ts.transpileModule(source, {
  compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
});
mkdirSync(path.join(folder, "objects"), { recursive: true });
const compatibilityDate = "2026-10-01";
const database = {
  modules: [
    { name: "database.js", esModule: DATABASE },
    { name: "d1.js", bundled: "/workerd/d1.js" },
  ],
  compatibilityDate,
  compatibilityFlags: ["experimental"],
  durableObjectNamespaces: [{ className: "D1Database", uniqueKey: "d1", enableSql: true }],
  durableObjectStorage: { localDisk: "objects" },
  bindings: [{ name: "DATABASE", durableObjectNamespace: { className: "D1Database" } }],
};
const peer = {
  modules: [{ name: "peer.js", esModule: outputText }],
  compatibilityDate,
  globalOutbound: "loopback",
  bindings: [
    { name: "SECRET", fromEnvironment: "PEER_SECRET" },
    {
      name: "DB",
      wrapped: {
        moduleName: "cloudflare-internal:d1-api",
        innerBindings: [{ name: "fetcher", service: "database" }],
      },
    },
  ],
};
const socket = (name, service) => ({ name, address: "127.0.0.1:0", http: {}, service });
const config = workerdConfig({
  services: [
    { name: "database", worker: database },
    { name: "peer", worker: peer },
    { name: "loopback", network: { allow: ["local"] } },
    { name: "objects", disk: { path: path.join(folder, "objects"), writable: true } },
  ],
  sockets: [socket("peer", "peer"), socket("database", "database")],
});
const manifest = createRequire(import.meta.url).resolve("workerd/package.json");
const cpu = process.arch === "x64" ? "64" : process.arch;
const binary = createRequire(manifest).resolve(
  `@cloudflare/workerd-${process.platform}-${cpu}/bin/workerd`,
);
const ledger = { add: () => {}, remove: () => {} };
const workerd = new Workerd({ name: "peer", binary, runDir: folder, ledger });
const ports = await workerd.start({
  config,
  env: { PEER_SECRET: secret },
  sockets: ["peer", "database"],
  timeoutMs: 20_000,
});
const rows = [["bench", "webhook", JSON.stringify({ webhook_url: endpoint }), 1]];
const made = await fetch(`http://127.0.0.1:${ports.get("database")}/query`, {
  method: "POST",
  body: JSON.stringify([
    ...SCHEMA.map((sql) => ({ sql, params: [] })),
    ...rows.map((params) => ({ sql: "INSERT INTO user_configs VALUES (?, ?, ?, ?)", params })),
  ]),
});
const answers = await made.json();
if (answers.success === false) throw new Error(answers.error);
console.log(JSON.stringify({ port: ports.get("peer"), pid: workerd.pid }));
lines.once("close", () => void workerd.stop(500).then(() => process.exit(0)));
