/**
 * A D1 database: workerd's own object, with those limits of D1 that it doesn't have
 * (developers.cloudflare.com/d1/platform/limits).
 *
 * SQLite enforces them itself where its limits are set so; the texts are SQLite's.
 */
import { D1Database as WorkerdDatabase } from "./d1.js";

/** For one string or BLOB, and for a row. */
const MAX_BYTES = 2_000_000;
const MAX_FUNCTION_ARGUMENTS = 32;
/** Statements that bind or add less than this are taken to make no row that is too large. */
const LOOKED_AT_BYTES = 100_000;
/** SQLite's functions that take any number of arguments (sqlite.org/lang_corefunc.html, json1). */
const VARIADIC = new Set([
  "char", "coalesce", "concat", "concat_ws", "date", "datetime", "format", "if", "iif",
  "json_array", "json_array_insert", "json_extract", "json_insert", "json_object", "json_remove",
  "json_replace", "json_set", "jsonb_array", "jsonb_array_insert", "jsonb_extract",
  "jsonb_insert", "jsonb_object", "jsonb_remove", "jsonb_replace", "jsonb_set", "julianday",
  "max", "min", "printf", "strftime", "time", "unixepoch",
]);
/** What stands between these and an opening parenthesis is the name of a table. */
const BEFORE_TABLE = new Set(["into", "table", "exists", "on", "references"]);
const TOKEN = /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[a-z_]\w*|[(),]/gi;
/** A comment has one way to end, or a row of them could be read in two to the power of their number. */
const CHANGED = /^(?:\s|--[^\n]*\n|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)*(?:WITH\b[^]*?)?\b(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|REPLACE\s+INTO|UPDATE(?:\s+OR\s+\w+)?)\s+("(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|[a-z_]\w*)/i;

export class D1Database extends WorkerdDatabase {
  /**
   * Run statements as one transaction, as its parent does.
   *
   * @param {{sql: string, params?: unknown[]}[]} queries
   * @throws {Error} the first statement that fails or goes beyond a limit; nothing has changed then
   */
  run(queries, bookmarked) {
    queries.forEach(refuseAtOnce);
    const sizes = queries.map(boundBytes);
    const { storage } = this.ctx;
    return storage.transactionSync(() => {
      const before = storage.sql.databaseSize;
      const found = super.run(queries, bookmarked);
      const grown = storage.sql.databaseSize - before;
      queries.forEach(({ sql }, at) => {
        if (sizes[at] > LOOKED_AT_BYTES || grown > LOOKED_AT_BYTES) {
          refuseLargeRows(storage.sql, sql);
        }
      });
      return found;
    });
  }
}

const tooBig = () => new Error("string or blob too big: SQLITE_TOOBIG");

/** What `functionBeyondLimit` found, by statement: a Worker's are few, and come again and again. */
const beyond = new Map();
const MAX_REMEMBERED = 500;

function refuseAtOnce({ sql, params = [] }) {
  if (params.some((value) => bytesOf(value) > MAX_BYTES)) throw tooBig();
  let name = beyond.get(sql);
  if (name === undefined) {
    name = functionBeyondLimit(sql);
    if (beyond.size >= MAX_REMEMBERED) beyond.clear();
    if (sql.length <= LOOKED_AT_BYTES) beyond.set(sql, name);
  }
  if (name !== null) throw new Error(`too many arguments on function ${name}: SQLITE_ERROR`);
}

const boundBytes = ({ params = [] }) => params.reduce((sum, value) => sum + bytesOf(value), 0);

function bytesOf(value) {
  const units = value?.length ?? 0;
  // A character has at most three bytes for each of its units; most values are far from a limit.
  if (typeof value !== "string" || units * 3 <= LOOKED_AT_BYTES) return units;
  return new TextEncoder().encode(value).length;
}

/** The function that is called with too many arguments, or null. */
function functionBeyondLimit(sql) {
  if (sql.split(",", MAX_FUNCTION_ARGUMENTS + 1).length <= MAX_FUNCTION_ARGUMENTS) return null;
  const open = [];
  let last = "";
  let lastButOne = "";
  for (const [token] of sql.matchAll(TOKEN)) {
    const word = token.toLowerCase();
    if (word.startsWith("--") || word.startsWith("/*")) continue;
    if (word === "(") {
      const counts = VARIADIC.has(last) && !BEFORE_TABLE.has(lastButOne);
      open.push({ name: counts ? last : null, commas: 0 });
    } else if (word === ")") open.pop();
    else if (word === "," && open.length > 0) {
      const call = open.at(-1);
      call.commas += 1;
      if (call.name !== null && call.commas >= MAX_FUNCTION_ARGUMENTS) return call.name;
    }
    [lastButOne, last] = [last, word];
  }
  return null;
}

/** Look for rows that are too large in the table that a statement changed. */
function refuseLargeRows(sql, statement) {
  const quoted = CHANGED.exec(statement)?.[1];
  if (quoted === undefined) return;
  const columns = [...sql.exec(`PRAGMA table_info(${quoted})`)].map(({ name }) => name);
  if (columns.length === 0) return;
  const size = columns
    .map((name) => `ifnull(octet_length("${name.replaceAll('"', '""')}"), 0)`)
    .join(" + ");
  const [large] = sql.exec(`SELECT 1 FROM ${quoted} WHERE ${size} > ${MAX_BYTES} LIMIT 1`);
  if (large !== undefined) throw tooBig();
}
