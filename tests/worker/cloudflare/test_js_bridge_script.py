"""The JavaScript half of the bridge, in Node, driven by a Python half of the test's own."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[3] / "worker/src/notification/cloudflare"
SCRIPTS = ("d1_batches.js", "js_bridge.js")
IMPORT = re.compile(r"^(?:import|export) \{.*\} from .*;$", re.MULTILINE)
PRELUDE = """
const held = [];
const written = [];
for (const level of ["debug", "info", "warn", "error"]) {
  console[level] = (line) => written.push(`${level} ${line}`);
}
globalThis.waitUntil = (promise) => held.push(promise);
const points = [];
const DATASET = {
  writeDataPoint(point) {
    if (point.refused) throw new Error("no");
    points.push(point);
  },
};
const TEST_CLOCK = { fetch: async () => Response.json({ now_ms: 5 }) };
const seen = [];
// Runs a request against a list of Python's answers, one for each time that it is resumed.
async function serve(request, answers, bindings = { CALLS: DATASET }) {
  connect((number, failed, value) => {
    seen.push([failed, failed ? String(value) : value]);
    const answer = answers.shift();
    return typeof answer === "function" ? answer() : answer;
  }, bindings);
  const response = await run(1, request).promise;
  return { seen, written, points, held: held.length, status: response.status,
    body: await response.text() };
}
const post = (body, headers = {}) => new Request("http://host/path", {
  method: "POST", body, headers: { "content-length": String(Buffer.from(body).length), ...headers },
});
"""


def run_script(body: str) -> Any:
    """Run ``body``, which returns something that JSON can say, after the bridge's own text."""
    text = IMPORT.sub("", "\n".join((FOLDER / name).read_text() for name in SCRIPTS))
    program = (
        f"{text.replace('export ', '')}\n{PRELUDE}\n"
        f"process.stdout.write(JSON.stringify(await (async () => {{ {body} }})()));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


RESPOND = r"`respond [200,{}]\nr1\nbody`"


def test_what_stands_before_a_text_is_done_in_order_and_then_what_it_says() -> None:
    done = run_script(rf"""return await serve(post("x"), [
        'info {{"n":1}}\npoint {{"refused":true}}\nhold \nerror {{"n":2}}\nbody 9',
        'point {{"kept":1}}\n' + {RESPOND},
    ]);""")
    assert done["written"] == ['info {"n":1}', 'error {"n":2}']
    assert done["points"] == [{"kept": 1}]
    assert (done["held"], done["status"], done["body"]) == (1, 200, "body")


def test_lines_without_a_text_are_those_of_the_run_that_python_works_on() -> None:
    done = run_script(rf"""
        const found = serve(post("x"), [
          () => {{ tell('hold \nwarn {{"n":1}}\n'); return Promise.resolve("waited"); }},
          {RESPOND},
        ]);
        const kept = await found;
        return {{ ...kept, whole: (await held[0]).status }};""")
    assert (done["held"], done["whole"], done["written"]) == (1, 200, ['warn {"n":1}'])
    assert done["seen"][1] == [False, "waited"]


def test_a_small_text_comes_with_its_request_and_the_time_of_a_moved_clock() -> None:
    done = run_script(
        f'return await serve(post("a\\nb"), [{RESPOND}], {{ CALLS: DATASET, TEST_CLOCK }});'
    )
    head, _, body = done["seen"][0][1].partition("\n")
    method, url, headers, time = json.loads(head)
    assert (method, url, time, body) == ("POST", "http://host/path", 5, "a\nb")
    assert headers["content-length"] == "3"


@pytest.mark.parametrize(("offset", "moved"), [("0", None), ("3600000", 3_600_000)])
def test_a_request_that_tells_how_far_the_clock_was_moved_spares_the_call_that_asks_it(
    offset: str, moved: int | None
) -> None:
    done = run_script(
        f"""const request = post("x");
        request.headers.set("x-local-clock-offset", "{offset}");
        const before = Date.now();
        const bindings = {{ TEST_CLOCK: {{ fetch: () => {{ throw new Error("asked"); }} }} }};
        return {{ ...await serve(request, [{RESPOND}], bindings), before, after: Date.now() }};"""
    )
    time = json.loads(done["seen"][0][1].partition("\n")[0])[3]
    if moved is None:
        assert time is None
    else:
        assert done["before"] <= time - moved <= done["after"]


def test_without_a_clock_that_can_be_moved_no_header_moves_it() -> None:
    done = run_script(
        f"""const request = post("x");
        request.headers.set("x-local-clock-offset", "3600000");
        return await serve(request, [{RESPOND}], {{ CALLS: DATASET }});"""
    )
    assert json.loads(done["seen"][0][1].partition("\n")[0])[3] is None


def test_other_bodies_are_read_when_they_are_asked_for() -> None:
    large = run_script(f'return await serve(post("x".repeat(16385)), ["body 99999", {RESPOND}]);')
    assert "\n" not in large["seen"][0][1]
    assert large["seen"][1] == [False, "x" * 16_385]
    raw = run_script(f"return await serve(post(new Uint8Array([255, 65])), ['body 9', {RESPOND}]);")
    assert raw["seen"][1] == [False, {"0": 255, "1": 65}]
    broken = run_script(f"""
        const request = post("x");
        request.arrayBuffer = async () => {{ throw new Error("it went away"); }};
        return await serve(request, ["body 9", {RESPOND}]);""")
    assert broken["seen"][1] == [True, "Error: it went away"]


def test_parts_begin_together_and_those_that_are_done_in_time_are_told() -> None:
    done = run_script(
        f"""
        let release;
        const slow = new Promise((resolve) => (release = resolve));
        const steps = {{
          1: [
            "gather [2,[2,3,4,5,6],1]\\n\\n\\n\\nrespond\\nbody 9",
            () => {{ release("now"); return "gather [2,[],1]"; }},
            {RESPOND},
          ],
          2: ["info two\\nrespond"],
          3: [() => slow, "respond"],
          4: [() => {{ throw new Error("a part that ends badly"); }}],
          6: ["respond"],
        }};
        const told = [];
        connect((number, failed, value) => {{
          told.push([number, failed, value]);
          const step = steps[number].shift();
          return typeof step === "function" ? step() : step;
        }}, {{}});
        await run(1, post("x")).promise;
        return {{ told: told.filter(([number]) => number === 1).slice(1), written,
          begun: told.slice(1, 4).map(([number]) => number), slow: told.at(-2),
          called: told.filter(([number]) => number > 4) }};"""
    )
    assert done["begun"] == [2, 3, 4]
    assert done["written"] == ["info two"]
    first, second = (json.loads(value) for _, _, value in done["told"])
    assert (sorted(first), second) == ([2, 4, 5, 6], [3])
    # A part whose first call came with it is resumed with what became of that, and not before.
    assert done["called"] == [[6, False, {"0": 120}]]
    assert done["slow"] == [3, False, "now"]


def test_a_batch_runs_on_the_database_that_it_names() -> None:
    done = run_script(
        """
        const database = (name) => ({
          prepare: (sql) => ({ sql, bind: (...values) => ({ sql, values }) }),
          batch: async (bound) => bound.map((each) => ({ results: [{ name, ...each }], meta: {} })),
        });
        connect(() => {}, { DB: database("first"), DB_1: database("second") });
        const number = prepare("SELECT 1", "DB_1");
        return [
          JSON.parse(await perform(`batch DB_1 [[${number}],["SELECT ?",7]]`)),
          JSON.parse(await perform('batch DB [["SELECT 2"]]')),
        ];"""
    )
    rows = [[row for result in results for row in result[0]] for results in done]
    assert [[row["name"] for row in each] for each in rows] == [["second"] * 2, ["first"]]
    assert [row["sql"] for row in rows[0]] == ["SELECT 1", "SELECT ?"]
    assert rows[0][1]["values"] == [7]


STREAM = """
// A body as the Workers runtime gives it: `parts`, then its end or what breaks it off.
function stream(parts, broken = null) {
  const all = Buffer.from(parts.join(""));
  let at = 0;
  const told = { cancelled: false, reads: 0 };
  const reader = {
    async readAtLeast(least, view) {
      told.reads += 1;
      if (all.length - at < least && broken) throw new Error(broken);
      const value = view.subarray(0, Math.min(all.length - at, view.length));
      value.set(all.subarray(at, at + value.length));
      at += value.length;
      return value.length ? { value, done: false } : { value: new Uint8Array(), done: true };
    },
    async cancel() { told.cancelled = true; },
  };
  return { told, getReader: ({ mode }) => (mode === "byob" ? reader : undefined) };
}
"""


def called(body: str, *, limit: int = 5_000, headers: str = "{}") -> Any:
    """Return what a call tells of an answer with ``body``, and how that was read."""
    return run_script(f"""
        {STREAM}
        const body = {body};
        let asked;
        globalThis.fetch = async (_, options) => {{
          asked = options;
          const headers = new Headers({{ "retry-after": "7", "x-other": "1", ...{headers} }});
          const arrayBuffer = async () => new Uint8Array([97]).buffer;
          return {{ status: 201, headers, body, arrayBuffer }};
        }};
        const text = JSON.stringify(["POST", "http://host/", {{ a: "b" }}, "x", 1000, {limit}]);
        const answer = JSON.parse(await call(text));
        return {{ answer, ...body?.told, redirect: asked.redirect }};""")


@pytest.mark.parametrize(
    ("size", "reads"), [(0, 1), (1, 1), (2_047, 1), (2_048, 2), (4_999, 2), (5_000, 2)]
)
def test_an_answer_without_a_length_is_read_to_its_end(size: int, reads: int) -> None:
    done = called(f"stream(['b'.repeat({size})])")
    assert done["answer"] == [201, {"retry-after": "7"}, "b" * size, True]
    assert (done["cancelled"], done["reads"], done["redirect"]) == (False, reads, "manual")


@pytest.mark.parametrize(
    ("limit", "reads"), [(1, 1), (2_046, 1), (2_047, 1), (2_048, 2), (5_000, 2)]
)
def test_an_answer_beyond_the_limit_is_cut_and_let_go(limit: int, reads: int) -> None:
    done = called("stream(['a'.repeat(9999)])", limit=limit)
    assert done["answer"][2:] == ["a" * limit, False]
    # Nothing is asked for once there is enough.
    assert (done["cancelled"], done["reads"]) == (True, reads)


@pytest.mark.parametrize(("size", "kept"), [(0, 0), (10, 0), (3_000, 2_048)])
def test_an_answer_that_breaks_off_keeps_its_status_and_is_not_whole(size: int, kept: int) -> None:
    done = called(f"stream(['a'.repeat({size})], 'reset')")
    assert done["answer"] == [201, {"retry-after": "7"}, "a" * kept, False]


def test_an_answer_without_a_body_is_whole_and_one_with_a_length_is_read_at_once() -> None:
    assert called("null")["answer"][2:] == ["", True]
    plain = called("stream(['a'])", headers="{'content-length': '1'}")
    assert (plain["answer"][2:], plain["reads"]) == (["a", True], 0)
    coded = called("stream(['a'])", headers="{'content-length': '1', 'content-encoding': 'br'}")
    assert (coded["answer"][2:], coded["reads"]) == (["a", True], 1)


@pytest.mark.parametrize(
    ("body", "headers", "comes"),
    [
        ('"x".repeat(16384)', "{}", True),
        ('"x".repeat(16385)', "{}", False),
        ('"x"', '{ "content-length": "many" }', False),
        ('"x"', '{ "content-length": "0" }', True),
    ],
)
def test_a_body_of_up_to_16_kib_comes_with_its_request(
    body: str, headers: str, comes: bool
) -> None:
    done = run_script(f"return await serve(post({body}, {headers}), [{RESPOND}]);")
    assert ("\n" in done["seen"][0][1]) is comes


def test_a_request_without_a_body_or_a_length_is_asked_for_no_bytes_ahead() -> None:
    done = run_script(
        f"""
        const get = new Request("http://host/", {{ headers: {{ "content-length": "0" }} }});
        return await serve(get, ["body 9", {RESPOND}]);"""
    )
    assert json.loads(done["seen"][0][1]) == ["GET", "http://host/", {"content-length": "0"}, None]
    assert done["seen"][1] == [False, ""]


@pytest.mark.parametrize(
    ("size", "broken", "seen"),
    [
        (9, "null", [False, "x" * 9]),
        (10, "null", [False, "x" * 10]),
        (99, "null", [False, "x" * 10]),
        (3, '"reset"', [True, "Error: reset"]),
    ],
)
def test_a_streamed_body_is_read_to_one_byte_beyond_its_limit(
    size: int, broken: str, seen: list[object]
) -> None:
    done = run_script(f"""
        {STREAM}
        const body = stream(["x".repeat({size})], {broken});
        const request = {{ method: "POST", url: "http://host/", headers: new Headers(), body }};
        return await serve(request, ["body 9", {RESPOND}]);""")
    assert "\n" not in done["seen"][0][1]
    assert done["seen"][1] == seen


def test_a_kept_head_is_named_by_its_number_and_each_answer_has_its_own_request_id() -> None:
    done = run_script(
        """
        connect(() => {}, {});
        const numbers = [keep('[201,{"X-A":"a"}]'), keep('[404,{"X-A":"b"}]')];
        const answers = [respond("respond 0\\nr1\\none\\ntwo"), respond("respond 1\\nr2\\n"),
          respond("respond 0\\nr3\\n"), respond('respond [204,{"X-A":"c"}]\\nr4\\n')];
        return { numbers, answers: await Promise.all(answers.map(async (each) => [
          each.status, each.headers.get("x-a"), each.headers.get("x-request-id"),
          each.body === null, await each.text()])) };"""
    )
    assert done["numbers"] == [0, 1]
    assert done["answers"] == [
        [201, "a", "r1", False, "one\ntwo"],
        [404, "b", "r2", True, ""],
        [201, "a", "r3", True, ""],
        [204, "c", "r4", True, ""],
    ]


def test_the_moved_clock_is_asked_at_its_address() -> None:
    done = run_script("""
        const asked = [];
        connect(() => {}, { TEST_CLOCK: { fetch: async (url) => {
          asked.push(url);
          return Response.json({ now_ms: 17 });
        } } });
        return [await now(), ...asked];""")
    assert done == [17, "http://local-clock/local/clock"]


def test_each_wait_that_an_endpoint_names_is_told() -> None:
    done = called("null", headers="{'x-ogw-ratelimit-reset': '3'}")
    assert done["answer"] == [201, {"retry-after": "7", "x-ogw-ratelimit-reset": "3"}, "", True]


@pytest.mark.parametrize(
    ("length", "limit", "reads"),
    [("5000", 5_000, 0), ("5001", 5_000, 1), ("many", 5_000, 1)],
)
def test_an_answer_is_read_at_once_up_to_the_limit(length: str, limit: int, reads: int) -> None:
    done = called("stream(['a'])", limit=limit, headers=f"{{'content-length': '{length}'}}")
    assert (done["answer"][2:], done["reads"]) == (["a", True], reads)


def test_an_answer_with_a_length_that_breaks_off_keeps_its_status() -> None:
    done = run_script("""
        globalThis.fetch = async () => ({ status: 202, body: {},
          headers: new Headers({ "content-length": "9" }),
          arrayBuffer: async () => { throw new Error("reset"); } });
        return JSON.parse(await call(JSON.stringify(["GET", "http://host/", {}, "", 1000, 9])));""")
    assert done == [202, {}, "", False]


def test_a_call_without_a_status_in_time_is_given_up() -> None:
    done = run_script("""
        const waits = [];
        globalThis.setTimeout = (give_up, ms) => { waits.push(ms); give_up(); return 7; };
        globalThis.clearTimeout = (timer) => waits.push(`cleared ${timer}`);
        globalThis.fetch = async (url, { signal }) => { signal.throwIfAborted(); };
        const text = JSON.stringify(["GET", "http://host/", {}, "", 1234, 9]);
        return [JSON.parse(await call(text)), waits];""")
    assert done == [
        {"name": "AbortError", "message": "This operation was aborted"},
        [1234, "cleared 7"],
    ]


def test_an_endpoint_that_cannot_be_reached_is_told_with_its_reason() -> None:
    done = run_script("""
        globalThis.fetch = async () => { throw new TypeError("no route"); };
        return JSON.parse(await call(JSON.stringify(["GET", "http://host/", {}, "", 1000, 9])));""")
    assert done == {"name": "TypeError", "message": "no route"}


def test_a_text_that_is_not_utf_8_is_read_all_the_same() -> None:
    done = run_script("""
        globalThis.fetch = async () => new Response(new Uint8Array([239, 187, 191, 97, 255]), {
          headers: { "content-length": "5" } });
        const text = JSON.stringify(["GET", "http://host/", {}, null, 1000, 9]);
        return JSON.parse(await call(text));""")
    assert done == [200, {}, "\ufeffa\ufffd", True]


def test_parts_of_which_none_is_done_in_time_are_waited_for_until_the_first_is() -> None:
    done = run_script(f"""
        const ends = [];
        const slow = () => new Promise((end) => ends.push(end));
        let due;
        globalThis.setTimeout = (late) => {{ due = late; }};
        const steps = {{
          1: [
            () => {{ setImmediate(() => {{ due(); setImmediate(() => ends[1]()); }});
                     return "gather [2,[2,3],1]\\n\\n"; }},
            () => {{ ends[0](); return "gather [2,[],1]"; }},
            {RESPOND},
          ],
          2: [slow, "respond"],
          3: [slow, "respond"],
        }};
        const told = [];
        connect((number, failed, value) => {{
          if (number === 1) told.push(value);
          const step = steps[number].shift();
          return typeof step === "function" ? step() : step;
        }}, {{}});
        await run(1, post("x")).promise;
        return told.slice(1).map((value) => JSON.parse(value));""")
    assert done == [[3], [2]]


def test_a_byte_order_mark_is_a_part_of_the_body_that_was_signed() -> None:
    marked = "post(new Uint8Array([239, 187, 191, 97]))"
    done = run_script(f'return await serve({marked}, ["body 9", {RESPOND}]);')
    assert done["seen"][0][1].partition("\n")[2] == "\ufeffa"
