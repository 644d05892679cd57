"""Is the data there, of the right form, and whole?"""

from __future__ import annotations

from collections.abc import Iterable

from ops.database.consistency import check_consistency
from ops.database.schema_state import SchemaState
from ops.database.stack_database import StackDatabase
from ops.observe.diagnosis.branch import Branch, Finding
from ops.stacks.errors import OperationError
from ops.stacks.moment import counted, kibibytes
from ops.stacks.project import Project


def data_branch(project: Project, databases: Iterable[StackDatabase]) -> Branch:
    """Look at the schema, at SQLite's own checks, and at what the constraints can't say."""
    branch = Branch("data", "Is the data intact?")
    for database in databases:
        _look_at(branch, project, database)
    return branch


def _look_at(branch: Branch, project: Project, database: StackDatabase) -> None:
    stack = database.stack

    def ill(what: str) -> None:
        steps = (f"notifyctl db check --stack {stack}", f"notifyctl db backup --stack {stack}")
        branch.ill(Finding(what, "Data is wrong", steps, over="when 'db check' ends with 0"))

    try:
        state = SchemaState.read(database, project)
        findings = check_consistency(database)
    except OperationError as error:
        ill(str(error))
        return
    branch.found.append(
        f"database {state.name}: {kibibytes(state.size)}, "
        f"{counted(len(state.tables), 'table')}, {counted(len(state.applied), 'migration')}"
    )
    if state.problem:
        ill(state.problem)
    for finding in findings:
        if finding.rows:
            ill(finding.text())
    if not any(finding.rows for finding in findings):
        branch.found.append(f"{len(findings)} checks of consistency found nothing")
