// The JavaScript half of the bridge to Python. One call across it costs as much as a hundred lines
// of Python, an object that is passed costs several calls, and Pyodide's own `await` of a promise
// costs two turns of an event loop made of timers. So Python returns a text that names what to wait
// for, this side waits, and the next text goes back. What needs no answer (a log line, say) goes in
// front of such a text, a line each.

import { waitUntil } from "cloudflare:workers";
import { batch, use } from "./d1_batches.js";

export { prepare } from "./d1_batches.js";

const REQUEST_ID = "X-Request-Id";
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

let resume; // Python: (run's number, whether `value` is an error, value) => what to wait for
let dataset;
let clock;
const heads = [];

/** Take Python's half, and the bindings that this side uses, each where there is one. */
export function connect(python, bindings) {
  resume = python;
  use(bindings);
  ({ CALLS: dataset, TEST_CLOCK: clock } = bindings);
}

/**
 * Drive Python's run `number` to its end; `promise` is that of its `Response`. Of a promise that a
 * call returns, Pyodide makes a future of asyncio's: two turns of its event loop.
 */
export function run(number, request) {
  const work = { request, promise: undefined };
  work.promise = begin(number, work);
  return work;
}

async function begin(number, work) {
  return respond(await drive(number, work, await describe(work)));
}

let resumed; // the run that Python works on, or worked on last

// The text that ends a run, or a part of one. `first` is what Python has said already.
async function drive(number, work, value, first = "") {
  let failed = false;
  let said = first;
  for (;;) {
    resumed = work;
    const answer = said || resume(number, failed, value);
    said = "";
    failed = false;
    try {
      const next = typeof answer === "string" ? note(answer, work) : answer;
      if (typeof next !== "string") value = await next;
      else if (next.startsWith("respond")) return next;
      else value = await perform(next, work);
    } catch (error) {
      failed = true;
      value = error;
    }
  }
}

// Bodies of up to so many bytes go over with the request: most, and no route takes fewer.
const SMALL = 16_384;

// `[method, URL, headers, time]` and, after a newline, the body where it is small and UTF-8. The time
// is null where the runtime's own counts.
async function describe(work) {
  const { request } = work;
  const { method, url, headers } = request;
  const time = clock ? await timeOf(headers) : null;
  const head = JSON.stringify([method, url, Object.fromEntries(headers), time]);
  const length = headers.get("content-length");
  if (!request.body || length === null || !(Number(length) <= SMALL)) return head;
  try {
    work.bytes = new Uint8Array(await request.arrayBuffer());
    return `${head}\n${strict.decode(work.bytes)}`;
  } catch (error) {
    // It is Python's to ask for a body that isn't text, or that didn't arrive.
    if (!work.bytes) work.problem = error;
    return head;
  }
}

// The local cloud tells with each request how far its clock has been moved: asking the clock costs
// as much as a call of the database. Without a binding to that clock the header counts for nothing.
async function timeOf(headers) {
  const offset = headers.get("x-local-clock-offset");
  if (offset === null) return await now();
  return offset === "0" ? null : Date.now() + Number(offset);
}

/** Milliseconds since 1970, by the clock that tests can move. */
export async function now() {
  const answer = await clock.fetch("http://local-clock/local/clock");
  return (await answer.json()).now_ms;
}

// Does what the lines in front of a text say, and returns the text. No line holds a newline.
function note(text, work) {
  while (NOTED.test(text)) {
    const end = text.indexOf("\n");
    const at = text.indexOf(" ");
    NOTES[text.slice(0, at)](text.slice(at + 1, end), work);
    text = text.slice(end + 1);
  }
  return text;
}

const NOTED = /^(?:debug|info|warn|error|point|hold) /;

const NOTES = {
  debug: (line) => console.debug(line),
  info: (line) => console.info(line),
  warn: (line) => console.warn(line),
  error: (line) => console.error(line),
  // What the data set refuses is lost.
  point: (json) => {
    try {
      dataset.writeDataPoint(JSON.parse(json));
    } catch {
      // As above.
    }
  },
  // The run goes on when its client hangs up.
  hold: (_, { promise }) => waitUntil(promise),
};

/** The same for lines with no text behind them: of the run that Python works on, or of none. */
export function tell(lines) {
  note(lines, resumed);
}

/** Make the call that a text of Python's names: `<function> <argument>`. */
export function perform(text, work) {
  const at = text.indexOf(" ");
  return CALLS[text.slice(0, at)](text.slice(at + 1), work);
}

const CALLS = {
  batch,
  call,
  body: (limit, work) => body(work, Number(limit)),
  gather,
};

// `[group, numbers of new parts, milliseconds]` and, in a line each, the first call of these parts,
// empty where it isn't a call: the numbers of the group's parts that are done, once all are, or after
// that time; then, where none is, once the first is.
async function gather(text, work) {
  const [asked, ...calls] = text.split("\n");
  const [id, numbers, ms] = JSON.parse(asked);
  work.groups ??= new Map();
  if (!work.groups.has(id)) work.groups.set(id, { left: 0, done: [] });
  const group = work.groups.get(id);
  group.left += numbers.length;
  for (const [at, number] of numbers.entries()) {
    const ended = () => {
      group.done.push(number);
      group.left -= 1;
      group.wake?.();
    };
    drive(number, work, undefined, calls[at]).then(ended, ended);
  }
  let late = false;
  let timer;
  await new Promise((resolve) => {
    group.wake = () => {
      if (group.left === 0 || (late && group.done.length > 0)) resolve();
    };
    timer = setTimeout(() => {
      late = true;
      group.wake();
    }, ms);
    group.wake();
  });
  clearTimeout(timer);
  if (group.left === 0) work.groups.delete(id);
  return JSON.stringify(group.done.splice(0));
}

// At most `limit` + 1 bytes of the body: a string where they are UTF-8, else the bytes.
async function body({ request, bytes: read, problem: failed }, limit) {
  if (failed) throw failed;
  if (read) return read;
  if (!request.body) return "";
  const { bytes, problem } = request.headers.has("content-length")
    ? { bytes: new Uint8Array(await request.arrayBuffer()), problem: null }
    : await bounded(request.body, limit + 1);
  if (problem) throw problem;
  try {
    return strict.decode(bytes);
  } catch {
    return bytes;
  }
}

// Most answers are as short: one call reads them.
const SHORT = 2_048;

// The first `most` bytes of a stream, counted after its decoding, and how it ended. A read that
// gives fewer bytes than asked for has met the end (Workers documentation, "ReadableStream
// BYOBReader", `readAtLeast`).
async function bounded(stream, most) {
  const reader = stream.getReader({ mode: "byob" });
  const parts = [];
  let size = 0;
  let problem = null;
  try {
    for (let asked = Math.min(SHORT, most); asked > 0; asked = most - size) {
      const { done, value } = await reader.readAtLeast(asked, new Uint8Array(asked));
      if (done) break;
      parts.push(value);
      size += value.length;
      if (value.length < asked) break;
    }
    if (size >= most) await reader.cancel();
  } catch (error) {
    problem = error;
  }
  if (parts.length === 1) return { bytes: parts[0], problem };
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, problem };
}

/** Keep a status and headers that many answers share; their number names them in an answer. */
export function keep(text) {
  return heads.push(head(text)) - 1;
}

function head(text) {
  const [status, headers] = JSON.parse(text);
  return { status, headers: new Headers(headers) };
}

// `respond <number of a kept head, or a head>\n<request id>\n<body>`.
function respond(text) {
  const first = text.indexOf("\n");
  const second = text.indexOf("\n", first + 1);
  const name = text.slice(text.indexOf(" ") + 1, first);
  const options = name.startsWith("[") ? head(name) : heads[name];
  options.headers.set(REQUEST_ID, text.slice(first + 1, second));
  // The constructor copies the headers, so the next answer may change them.
  return new Response(text.slice(second + 1) || null, options);
}

// What an endpoint says of the wait before the next call; the second name is Lark's.
const WAIT_HEADERS = ["retry-after", "x-ogw-ratelimit-reset"];
const NOTHING = { bytes: new Uint8Array(), problem: null };

async function answered(answer, limit) {
  if (!answer.body) return NOTHING;
  const length = answer.headers.get("content-length");
  const plain = length !== null && !answer.headers.has("content-encoding");
  // Reading at once costs a third of a reader's turns.
  if (!plain || !(Number(length) <= limit)) return await bounded(answer.body, limit + 1);
  try {
    return { bytes: new Uint8Array(await answer.arrayBuffer()), problem: null };
  } catch (problem) {
    return { bytes: NOTHING.bytes, problem };
  }
}

// One outbound call: [status, waits, body, whether the body is whole], or {name, message} of
// what went wrong before a status came.
async function call(text) {
  const [method, url, headers, body, timeout, limit] = JSON.parse(text);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  try {
    const options = { method, headers, body, redirect: "manual", signal: abort.signal };
    const answer = await fetch(url, options);
    // The status stands, whatever becomes of its body. A length in the headers is the encoded one.
    const { bytes, problem } = await answered(answer, limit);
    const whole = problem === null && bytes.length <= limit;
    const read = lenient.decode(bytes.subarray(0, limit));
    const waits = {};
    for (const name of WAIT_HEADERS) {
      const told = answer.headers.get(name);
      if (told !== null) waits[name] = told;
    }
    return JSON.stringify([answer.status, waits, read, whole]);
  } catch (error) {
    return JSON.stringify({ name: error.name, message: String(error.message) });
  } finally {
    clearTimeout(timer);
  }
}
