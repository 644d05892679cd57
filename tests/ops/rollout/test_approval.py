from __future__ import annotations

import pytest

from ops.deploy.rollout.approval import Approval, approve
from ops.stacks.errors import GateClosed
from ops.stacks.origin import Origin


def by(
    *names: str, production: bool = True, pipeline: bool = False, may: tuple[str, ...] = ()
) -> Approval:
    origin = Origin("ada", "main", "c0ffee", "", pipeline)
    return approve(names, production=production, origin=origin, approvers=may)


@pytest.mark.requirement("S4-32")
@pytest.mark.parametrize("names", [(), ("grace",), ("grace", " Grace "), ("", "grace")])
def test_production_needs_two_different_people(names: tuple[str, ...]) -> None:
    with pytest.raises(GateClosed, match="2 different people"):
        by(*names)


@pytest.mark.requirement("S4-32")
def test_typed_names_are_a_record_and_called_so() -> None:
    found = by("grace", "Edsger Dijkstra")

    assert found.names == ("Edsger Dijkstra", "grace")
    assert "not a check of who they are" in str(found)
    assert found.document()["source"] == "typed"


def test_only_approvers_of_the_settings_may_approve() -> None:
    assert by("Grace", "Edsger", may=("grace", "edsger")).names == ("Edsger", "Grace")
    with pytest.raises(GateClosed, match="mallory may not approve"):
        by("grace", "mallory", may=("grace", "edsger"))


def test_in_a_pipeline_its_gates_have_asked() -> None:
    found = by(pipeline=True)

    assert str(found) == "approved at the pipeline's gates"
    assert found.document()["source"] == "pipeline"


def test_other_environments_need_nobody() -> None:
    assert str(by(production=False)) == "no approval needed"
