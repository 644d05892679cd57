from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.main import command_line
from ops.deploy.rollout.approval import Approval, approve
from ops.stacks.errors import GateClosed, UsageError
from ops.stacks.origin import Origin
from tests.infra.test_stack_settings import stack_file


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


def test_the_command_refuses_a_stranger_before_it_looks_at_anything_else(tmp_path: Path) -> None:
    path = stack_file(tmp_path, approvers=["grace", "edsger"])
    names = ["--approved-by", "Grace", "--approved-by", "Mallory"]
    environment = {
        "NOTIFYCTL_CONFIG_FILE": str(path),
        "CI": None,
        "GITHUB_ACTIONS": None,
        "PATH": "",
    }
    arguments = ["deploy", "--stack", "production", *names]
    result = CliRunner().invoke(command_line(["deploy"]), arguments, env=environment)
    assert isinstance(result.exception, GateClosed)
    assert "Mallory may not approve: the stack's settings name edsger, grace." in str(
        result.exception
    )


def test_approvers_that_cant_be_read_open_no_gate(tmp_path: Path) -> None:
    path = stack_file(tmp_path, approvers="grace and edsger")
    arguments = ["deploy", "--stack", "production", "--approved-by", "mallory"]
    result = CliRunner().invoke(
        command_line(["deploy"]), arguments, env={"NOTIFYCTL_CONFIG_FILE": str(path)}
    )
    assert isinstance(result.exception, UsageError)
    assert "notification-system:approvers = 'grace and edsger': a list of" in str(result.exception)
