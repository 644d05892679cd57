"""Several specifications of one version at once: one process runs in the end, and none is left."""

from __future__ import annotations

from typing import Any

import pytest

from tests.host.node_module import HOST, run_in_node

SCRIPT = """
const { Version } = await import(input.version);
const events = [];
Version.prototype.boot = async function () {
  events.push(`boot ${this.spec.text}`);
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (this.spec.text === input.broken) throw new Error("no");
  return { bootMs: this.spec.text };
};
Version.prototype.dispose = async function () { events.push(`end ${this.spec.text}`); };
const versions = new m.Versions({ sockets: { path: (name) => name }, graceMs: 0 });
await versions.watch(["w"]);
const put = (text) => versions.put({ id: "v", script: "w", text }).then(
  ({ bootMs }) => bootMs, (error) => error.message);
const answers = [];
for (const group of input.groups) answers.push(await Promise.all(group.map(put)));
return { events, answers, all: versions.all().map(({ spec }) => spec.text) };
"""


def put(*groups: list[str], broken: str = "") -> Any:
    """Put specifications of the same id: those of a group at once, one group after the other."""
    version = (HOST / "version.mjs").as_uri()
    return run_in_node(
        "versions.mjs", SCRIPT, {"version": version, "groups": groups, "broken": broken}
    )


def test_the_same_specification_boots_once() -> None:
    done = put(["a", "a"], ["a"])
    assert done == {"events": ["boot a"], "answers": [["a", "a"], ["a"]], "all": ["a"]}


@pytest.mark.parametrize("group", [["b", "c"], ["b", "c", "d"], ["b", "c", "b", "d"]])
def test_each_boots_after_the_one_before_and_only_the_last_one_stays(group: list[str]) -> None:
    done = put(["a"], group)
    assert done["answers"] == [["a"], group]
    booted = [event.removeprefix("boot ") for event in done["events"] if "boot" in event]
    ended = [event.removeprefix("end ") for event in done["events"] if "end" in event]
    assert ended == booted[:-1]
    assert done["all"] == booted[-1:]


def test_one_that_does_not_start_leaves_the_one_that_runs() -> None:
    done = put(["a"], ["b", "c"], broken="b")
    assert done["answers"] == [["a"], ["no", "c"]]
    assert done["events"] == ["boot a", "boot b", "boot c", "end a"]
    assert put(["a"], ["b"], broken="b")["all"] == ["a"]
