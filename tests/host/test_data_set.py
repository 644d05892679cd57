"""The binding to a data set: what leaves together, and what is refused as in production."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.host.node_module import HOST

IMPORT = re.compile(r"^import entrypoints .*;$", re.MULTILINE)
PRELUDE = """
const held = [];
const entrypoints = { waitUntil: (promise) => held.push(promise) };
const timers = [];
globalThis.setTimeout = (done, ms) => timers.push({ done, ms });
let now = 1_000;
Date.now = () => now;
const sent = [];
const sink = { fetch: async (url, { method, body }) => sent.push([method, JSON.parse(body)]) };
const over = async () => {
  timers.splice(0).forEach(({ done }) => done());
  await Promise.all(held);
};
"""


def run_script(body: str) -> Any:
    """Run ``body`` after the module's text, with `data` as a binding, and return its result."""
    source = (HOST / "data-set.binding.mjs").read_text()
    made = IMPORT.sub("", source).replace("export default", "const make =")
    program = (
        f"{PRELUDE}\n{made}\nconst data = make({{ sink }});\n"
        f"process.stdout.write(JSON.stringify(await (async () => {{ {body} }})()));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_points_of_requests_side_by_side_leave_together_and_each_once() -> None:
    done = run_script("""
        for (const name of ["a", "b"]) data.writeDataPoint({ indexes: [name] });
        const before = sent.length;
        const waits = timers.map(({ ms }) => ms);
        await over();
        now += 1;
        data.writeDataPoint({ indexes: ["c"], blobs: ["x", null, 7], doubles: [1, 2.5] });
        await over();
        return { before, waits, sent, held: held.length };""")
    assert (done["before"], done["waits"], done["held"]) == (0, [20], 2)
    first, second = done["sent"]
    assert first[0] == "POST"
    assert [point["index"] for point in first[1]] == ["a", "b"]
    assert first[1][0] == {"at": 1000, "index": "a", "blobs": [], "doubles": []}
    blobs = ["x", "", "7"]
    assert second[1] == [{"at": 1001, "index": "c", "blobs": blobs, "doubles": [1, 2.5]}]


def test_a_hundred_points_wait_for_no_others() -> None:
    done = run_script("""
        for (let n = 0; n < 100; n += 1) data.writeDataPoint({ doubles: [n] });
        await held.at(-1);
        const full = sent.map(([, points]) => points.length);
        data.writeDataPoint({ doubles: [100] });
        await over();
        return { full, all: sent.flatMap(([, points]) => points.map(({ doubles }) => doubles[0])) };
    """)
    assert done["full"] == [100]
    assert done["all"] == list(range(101))


@pytest.mark.parametrize(("later_ms", "taken"), [(39, []), (40, ["a", "b"])])
def test_a_group_whose_request_ended_too_soon_is_taken_along(
    later_ms: int, taken: list[str]
) -> None:
    done = run_script(f"""
        data.writeDataPoint({{ indexes: ["a"] }});
        timers.splice(0); // it never goes on
        held.splice(0);
        now += {later_ms};
        data.writeDataPoint({{ indexes: ["b"] }});
        await over();
        return sent.flatMap(([, points]) => points.map(({{ index }}) => index));""")
    assert done == taken


REFUSED = {
    "Maximum of 1 indexes": "indexes: ['a', 'b']",
    "Maximum of 20 blobs": "blobs: Array(21).fill('x')",
    "Maximum of 20 doubles": "doubles: Array(21).fill(1)",
    "Size of indexes[0] exceeds 96": "indexes: ['x' + 'é'.repeat(48)]",
    "Cumulative size of blobs exceeds 16384": "blobs: ['x', 'é'.repeat(8192)]",
}


@pytest.mark.parametrize(("text", "point"), REFUSED.items())
def test_a_point_beyond_a_limit_is_refused_as_in_production(text: str, point: str) -> None:
    done = run_script(f"""
        let refusal = "";
        try {{ data.writeDataPoint({{ {point} }}); }}
        catch (error) {{ refusal = `${{error.name}}: ${{error.message}}`; }}
        await over();
        return {{ refusal, sent }};""")
    assert done["refusal"].startswith(f"TypeError: writeDataPoint(): {text}")
    assert done["sent"] == []


def test_a_point_at_the_limits_is_taken() -> None:
    done = run_script("""
        const blobs = [new TextEncoder().encode("é").buffer, "é".repeat(8191)];
        data.writeDataPoint({
          indexes: ["é".repeat(48)], blobs: [...blobs, ...Array(18).fill("")],
          doubles: Array(20).fill(1),
        });
        data.writeDataPoint();
        await over();
        return sent[0][1];""")
    assert (len(done[0]["blobs"]), done[0]["blobs"][0], len(done[0]["doubles"])) == (20, "é", 20)
    assert (done[1]["index"], done[1]["blobs"]) == ("", [])
