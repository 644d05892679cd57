// Batches on D1. Small writes of requests that run side by side share a transaction: while one is
// under way, the next ones wait, and they leave together when it is back. It costs little more than
// one of them alone, and D1 runs one transaction at a time.
//
// Each keeps its own fate. Where D1 refuses a statement, it has applied none, and each batch runs
// alone. Where nobody knows what became of the transaction, each is told so, as it would be alone.

import { waitUntil } from "cloudflare:workers";

// One request may settle a promise of another (compatibility flag
// `handle_cross_request_promise_resolution`), but a request that has nothing pending of its own is
// ended as hung, and one that has ended never goes on. So whoever waits keeps a timer: it takes the
// lead where the leader is gone, and gives up an answer that doesn't come.
const LEAD_AFTER_MS = 250;
const GIVE_UP_AFTER_MS = 10_000;
// D1 lets an invocation make so many queries on the free plan (D1 documentation, "Limits").
const MOST_STATEMENTS = 50;
const MOST_TO_JOIN = 8; // statements of a batch that joins others
// What a statement itself is refused for; the transaction is rolled back then.
const REFUSED = /SQLITE_(?:CONSTRAINT|ERROR|MISMATCH|RANGE|TOOBIG)/;
const LOST = JSON.stringify("D1_ERROR: Network connection lost: a shared transaction's answer");

let bindings; // of databases, by their names
const databases = new Map(); // what is under way in each: {flight, groups}
const statements = [];
const writes = []; // of each kept statement: whether it does nothing but write

/** Take the bindings of D1 databases among others, by their names. */
export function use(environment) {
  bindings = environment;
}

/** Prepare a statement of a database and keep it; its number names it in a batch. */
export function prepare(sql, name) {
  writes.push(/^\s*(?:INSERT|UPDATE)\b/.test(sql));
  return statements.push(bindings[name].prepare(sql)) - 1;
}

// `<database> [[statement's number or SQL, …parameters], …]` as one transaction: [rows, changes, rows
// written, rows read] of each, or the error's text.
export async function batch(text) {
  const space = text.indexOf(" ");
  const name = text.slice(0, space);
  const binding = bindings[name];
  const named = JSON.parse(text.slice(space + 1));
  let bound;
  try {
    bound = named.map(([key, ...parameters]) => {
      const statement = typeof key === "string" ? binding.prepare(key) : statements[key];
      return parameters.length ? statement.bind(...parameters) : statement;
    });
  } catch (error) {
    return JSON.stringify(String(error));
  }
  const joins = named.length <= MOST_TO_JOIN && named.every(([key]) => writes[key]);
  if (!joins) return await alone(binding, bound);
  if (!databases.has(name)) databases.set(name, { binding, flight: undefined, groups: [] });
  const database = databases.get(name);
  const { flight } = database;
  if (flight && Date.now() - flight.began < GIVE_UP_AFTER_MS) return await together(database, bound);
  const [answer] = await fly(database, [bound]);
  return answer;
}

async function alone(binding, bound) {
  try {
    return shown(await binding.batch(bound));
  } catch (error) {
    return JSON.stringify(String(error));
  }
}

function shown(results) {
  return JSON.stringify(
    results.map(({ results: rows, meta }) => [
      rows ?? [],
      meta.changes ?? 0,
      meta.rows_written ?? 0,
      meta.rows_read ?? 0,
    ]),
  );
}

// Waits in a group for its transaction, and begins it when it is this request's turn.
async function together(database, bound) {
  const { groups } = database;
  let group = groups.at(-1);
  if (!group || group.size + bound.length > MOST_STATEMENTS) {
    group = { members: [], size: 0, gone: false };
    groups.push(group);
  }
  const answer = Promise.withResolvers();
  const turn = Promise.withResolvers();
  group.members.push({ bound, answer, turn });
  group.size += bound.length;
  turn.promise.then(() => leave(database, group));
  let timer = setTimeout(() => {
    leave(database, group);
    timer = setTimeout(() => answer.resolve(LOST), GIVE_UP_AFTER_MS);
  }, LEAD_AFTER_MS);
  const text = await answer.promise;
  clearTimeout(timer);
  return text ?? (await alone(database.binding, bound));
}

async function leave(database, group) {
  if (group.gone) return;
  group.gone = true;
  database.groups.splice(database.groups.indexOf(group), 1);
  const bounds = group.members.map(({ bound }) => bound);
  const texts = await fly(database, bounds);
  group.members.forEach(({ answer }, at) => answer.resolve(texts?.[at]));
}

// The transaction ends even if the client of the request that leads it hangs up.
function fly(database, bounds) {
  const flown = transaction(database, bounds);
  waitUntil(flown);
  return flown;
}

async function transaction(database, bounds) {
  const { binding, groups } = database;
  const mine = { began: Date.now() };
  database.flight = mine;
  try {
    return bounds.length === 1 ? [await alone(binding, bounds[0])] : await shared(binding, bounds);
  } finally {
    if (database.flight === mine) database.flight = undefined;
    // Whoever came last is the likeliest to be there still.
    groups[0]?.members.at(-1).turn.resolve();
  }
}

// Undefined where a statement was refused: each request runs its own alone then, within its own
// invocation's limits.
async function shared(binding, bounds) {
  try {
    const results = await binding.batch(bounds.flat());
    let at = 0;
    return bounds.map(({ length }) => shown(results.slice(at, (at += length))));
  } catch (error) {
    const text = String(error);
    return REFUSED.test(text) ? undefined : bounds.map(() => JSON.stringify(text));
  }
}
