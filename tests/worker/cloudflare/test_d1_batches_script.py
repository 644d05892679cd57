"""Batches of one isolate's requests in shared transactions: `d1_batches.js` in Node.

How requests of their own, which may end, come through it is tested on workerd
(`tests/localcloud/test_shared_transactions.py`).
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "worker/src/notification/cloudflare/d1_batches.js"
PRELUDE = """
// The runtime has it, and Node from version 22 on.
Promise.withResolvers ??= () => {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};
const held = [];
globalThis.waitUntil = (promise) => held.push(promise);
// Each transaction waits for its end, which says what becomes of it: nothing, or an error's text.
const transactions = [];
const applied = [];
class Statement {
  constructor(sql, parameters = []) { Object.assign(this, { sql, parameters }); }
  bind(...parameters) {
    if (parameters.includes("unbindable")) throw new Error("D1_TYPE_ERROR: no such type");
    return new Statement(this.sql, parameters);
  }
}
const DATABASE = {
  prepare: (sql) => new Statement(sql),
  async batch(statements) {
    const labels = statements.map(({ sql, parameters }) => parameters[0] ?? sql);
    const bad = labels.includes("bad")
      ? "D1_ERROR: UNIQUE constraint failed: rows.id: SQLITE_CONSTRAINT" : null;
    const error = (await new Promise((end) => transactions.push({ labels, end }))) ?? bad;
    if (error) throw new Error(error);
    applied.push(...labels);
    return labels.map((label) => ({
      results: label === "rows" ? [{ id: label }] : undefined,
      meta: { changes: 1, rows_written: 2, rows_read: 3 },
    }));
  },
};
use({ DB: DATABASE, DB_1: { ...DATABASE } });
const insert = prepare("INSERT INTO rows VALUES (?1)", "DB");
const update = prepare("\\n  UPDATE rows SET id = ?1", "DB");
const select = prepare("SELECT * FROM rows WHERE id = ?1", "DB");
const elsewhere = prepare("INSERT INTO rows VALUES (?1)", "DB_1");
const ask = (statements, name = "DB") => batch(`${name} ${JSON.stringify(statements)}`);
const write = (...labels) => ask(labels.map((label) => [insert, label]));
const turn = () => new Promise((resolve) => setImmediate(resolve));
// Ends the transaction that began first of those that are open.
let ended = 0;
async function end(error) {
  await turn();
  transactions[ended++].end(error);
  await turn();
}
const labels = () => transactions.map((transaction) => transaction.labels);
const texts = async (promises) => (await Promise.all(promises)).map((text) => JSON.parse(text));
"""
DONE = [[], 1, 2, 3]


def run_script(body: str) -> Any:
    """Run ``body``, which returns something that JSON can say, after the script's own text."""
    text = SCRIPT.read_text().replace('import { waitUntil } from "cloudflare:workers";', "")
    program = (
        f"{text.replace('export ', '')}\n{PRELUDE}\n"
        f"process.stdout.write(JSON.stringify(await (async () => {{ {body} }})()));"
        "process.exit(0);"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_write_goes_alone_and_those_that_come_meanwhile_go_together() -> None:
    found = run_script("""
        const answers = [write("a"), write("b", "c"), write("d")];
        await turn();
        const first = labels();
        await end();
        const second = labels();
        answers.push(write("e"));
        await end();
        await end();
        return { first, second, third: labels(), applied, held: held.length,
          answers: await texts(answers) };""")
    assert found["first"] == [["a"]]
    assert found["second"] == [["a"], ["b", "c", "d"]]
    assert found["third"] == [["a"], ["b", "c", "d"], ["e"]]
    assert found["applied"] == ["a", "b", "c", "d", "e"]
    assert found["answers"] == [[DONE], [DONE, DONE], [DONE], [DONE]]
    assert found["held"] == 3, "each transaction ends though its leader's client hangs up"


def test_a_bad_statement_fails_alone_and_everything_else_is_applied_once() -> None:
    found = run_script("""
        const answers = [write("a"), write("b"), write("bad", "with it"), write("c")];
        for (let n = 0; n < 5; n += 1) await end();
        return { labels: labels(), applied, answers: await texts(answers) };""")
    assert found["labels"] == [
        ["a"],
        ["b", "bad", "with it", "c"],
        ["b"],
        ["bad", "with it"],
        ["c"],
    ]
    assert found["applied"] == ["a", "b", "c"]
    good, bad = [DONE], "Error: D1_ERROR: UNIQUE constraint failed: rows.id: SQLITE_CONSTRAINT"
    assert found["answers"] == [good, good, bad, good]


@pytest.mark.parametrize(
    "error",
    [
        "D1_ERROR: Network connection lost.",
        "D1_ERROR: internal error",
        "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
        "D1_ERROR: disk I/O error: SQLITE_IOERR",
    ],
)
def test_a_group_whose_fate_is_unknown_is_never_written_again(error: str) -> None:
    found = run_script(f"""
        const answers = [write("a"), write("b"), write("c")];
        await end();
        await end({json.dumps(error)});
        await turn();
        return {{ labels: labels(), answers: await texts(answers) }};""")
    assert found["labels"] == [["a"], ["b", "c"]]
    assert found["answers"][1:] == [f"Error: {error}"] * 2


def test_a_value_that_cannot_be_bound_is_refused_before_it_joins() -> None:
    found = run_script("""
        const answers = [write("a"), write("unbindable"), write("b")];
        await end();
        await end();
        return { labels: labels(), answers: await texts(answers) };""")
    assert found["labels"] == [["a"], ["b"]]
    assert found["answers"] == [[DONE], "Error: D1_TYPE_ERROR: no such type", [DONE]]


@pytest.mark.parametrize(
    "asked",
    [
        "[[select, 'rows']]",
        "[[insert, 'x'], [select, 'rows']]",
        "[['INSERT INTO rows VALUES (?1)', 'named by its text']]",
        "Array(9).fill([insert, 'large'])",
    ],
)
def test_what_reads_what_is_large_and_what_is_repeated_goes_alone_at_once(asked: str) -> None:
    found = run_script(f"""
        const first = write("a");
        const other = ask({asked});
        await turn();
        return labels().length;""")
    assert found == 2


def test_updates_join_and_a_group_has_fifty_statements_at_most() -> None:
    found = run_script("""
        const answers = [write("a"), ask([[update, "u"]])];
        for (let n = 0; n < 50; n += 1) answers.push(write("b"));
        answers.push(write("c", "d"));
        for (let n = 0; n < 3; n += 1) await end();
        await texts(answers);
        return labels().map((each) => [each[0], each.length]);""")
    assert found == [["a", 1], ["u", 50], ["b", 3]]


def test_rows_and_changes_come_back_to_whom_they_belong() -> None:
    found = run_script("""
        const answers = [write("a"), write("b"), write("rows", "c"), write("rows")];
        await end();
        await end();
        return await texts(answers);""")
    rows = [[{"id": "rows"}], 1, 2, 3]
    assert found == [[DONE], [DONE], [rows, DONE], [rows]]


def test_whoever_waits_takes_the_lead_where_the_leader_is_gone() -> None:
    found = run_script("""
        const answers = [write("a"), write("b"), write("c")];
        await turn();
        // No answer to the first: its request is gone, and nobody calls the next.
        while (transactions.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
        transactions[1].end();
        return { labels: labels(), answers: await texts(answers.slice(1)) };""")
    assert found == {"labels": [["a"], ["b", "c"]], "answers": [[DONE], [DONE]]}


def test_an_answer_that_never_comes_is_given_up_as_lost() -> None:
    found = run_script("""
        const real = setTimeout;
        globalThis.setTimeout = (work, ms) => real(work, ms / 500);
        const answers = [write("a"), write("b"), write("c")];
        await turn();
        return await texts(answers.slice(1));""")
    assert len(found) == 2
    assert all("Network connection lost" in text for text in found)


def test_each_database_has_transactions_of_its_own() -> None:
    found = run_script("""
        const answers = [write("a"), write("b"), ask([[elsewhere, "x"]], "DB_1"), write("c")];
        answers.push(ask([[elsewhere, "y"]], "DB_1"));
        await turn();
        const begun = labels();
        for (let n = 0; n < 4; n += 1) await end();
        await texts(answers);
        return [begun, labels()];""")
    begun, all_of_them = found
    assert begun == [["a"], ["x"]]
    assert all_of_them == [["a"], ["x"], ["b", "c"], ["y"]]


@pytest.mark.parametrize(
    ("waited", "begun"), [(9_999, [["a"]]), (10_000, [["a"], ["b"]])], ids=["not yet", "enough"]
)
def test_nobody_waits_for_a_transaction_that_has_not_come_back_for_ten_seconds(
    waited: int, begun: list[list[str]]
) -> None:
    found = run_script(f"""
        let now = 0;
        Date.now = () => now;
        const answers = [write("a")];
        await turn();
        now = {waited};
        answers.push(write("b"));
        await turn();
        return labels();""")
    assert found == begun


def test_one_that_comes_back_late_leaves_the_next_one_under_way() -> None:
    found = run_script("""
        let now = 0;
        Date.now = () => now;
        const answers = [write("a")];
        await turn();
        now = 10_000;
        answers.push(write("b"));
        await end();
        answers.push(write("c"));
        await turn();
        const then = labels();
        await end();
        await end();
        return { then, all: labels(), answers: await texts(answers) };""")
    assert found["then"] == [["a"], ["b"]]
    assert found["all"] == [["a"], ["b"], ["c"]]
    assert found["answers"] == [[DONE]] * 3


def test_no_timer_is_left_of_a_request_that_has_its_answer() -> None:
    found = run_script("""
        const open = new Set();
        const [start, stop] = [setTimeout, clearTimeout];
        globalThis.setTimeout = (work, ms) => {
          const timer = start(work, ms);
          open.add(timer);
          return timer;
        };
        globalThis.clearTimeout = (timer) => { open.delete(timer); stop(timer); };
        const answers = [write("a"), write("b"), write("c")];
        await turn();
        const waiting = open.size;
        await end();
        await end();
        await texts(answers);
        return [waiting, open.size];""")
    assert found == [2, 0]


def test_eight_statements_join_and_nine_go_alone() -> None:
    found = run_script("""
        const answers = [write("a"), ask(Array(8).fill([insert, "b"])), write("c")];
        for (let n = 0; n < 2; n += 1) await end();
        await texts(answers);
        return labels().map((each) => each.length);""")
    assert found == [1, 9]


def test_whoever_waits_leads_after_a_quarter_of_a_second_and_gives_up_ten_seconds_later() -> None:
    found = run_script("""
        const waits = [];
        const due = [];
        globalThis.setTimeout = (work, ms) => { waits.push(ms); due.push(work); };
        globalThis.clearTimeout = () => {};
        const answers = [write("a"), write("b")];
        await turn();
        due.shift()();
        const led = [...waits];
        due.shift()();
        return { led, labels: labels(), answer: JSON.parse(await answers[1]) };""")
    assert found == {
        "led": [250, 10_000],
        "labels": [["a"], ["b"]],
        "answer": "D1_ERROR: Network connection lost: a shared transaction's answer",
    }


def test_a_result_without_counts_has_none() -> None:
    found = run_script("""
        use({ DB: { prepare: (sql) => sql, batch: async () => [{ meta: {} }] } });
        return JSON.parse(await ask([["SELECT 1"]]));""")
    assert found == [[[], 0, 0, 0]]


def test_a_bad_write_that_goes_alone_is_refused_and_not_tried_again() -> None:
    found = run_script("""
        const answers = [write("bad")];
        await end();
        answers.push(write("a"));
        await end();
        return { labels: labels(), applied, answers: await texts(answers) };""")
    bad = "Error: D1_ERROR: UNIQUE constraint failed: rows.id: SQLITE_CONSTRAINT"
    assert found == {"labels": [["bad"], ["a"]], "applied": ["a"], "answers": [bad, [DONE]]}
