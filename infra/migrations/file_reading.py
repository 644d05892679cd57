"""What one migration file does to a schema, read before it is run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from infra.migrations.contents import Changes
from infra.migrations.schema import Table
from infra.migrations.statement_form import Kind, StatementForm

_HARMLESS = frozenset(
    {
        Kind.CREATE_TABLE,
        Kind.CREATE_TRIGGER,
        Kind.CREATE_OTHER,
        Kind.DROP_OTHER,
        Kind.ADD_COLUMN,
        Kind.PRAGMA,
        Kind.QUERY,
    }
)
_WRITES = frozenset({Kind.INSERT, Kind.REPLACE, Kind.UPDATE, Kind.DELETE})


@dataclass(frozen=True)
class FileReading:
    """The statements of a file in order, and what follows from them.

    Attributes:
        forms: the statements' forms.
        changes: what the file says itself that it changes.
        made: every table that the file makes, also under the name that it gives up again.
        added: columns that it adds, by (table, column).
        gone: tables of before that it drops and doesn't make again.
    """

    forms: Sequence[StatementForm]
    changes: Changes
    made: frozenset[str]
    added: frozenset[tuple[str, str]]
    gone: frozenset[str]

    @classmethod
    def of(cls, statements: Iterable[str]) -> FileReading:
        """Read a file's statements in order."""
        forms = [StatementForm.of(sql) for sql in statements]
        tables = _TableNames()
        columns: dict[tuple[str, str], str] = {}
        updated: set[tuple[str, str]] = set()
        for form in forms:
            tables.follow(form)
            if form.kind == Kind.RENAME_COLUMN and form.target not in tables.present:
                columns[(tables.origin(form.target), form.columns[0])] = form.new_name
            elif form.kind == Kind.UPDATE:
                updated |= {(tables.origin(form.target), column) for column in form.columns}
        return cls(
            forms=forms,
            changes=Changes(
                tables=tables.renamed,
                columns=columns,
                updated=frozenset(updated),
                dropped=frozenset(f.target for f in forms if f.kind == Kind.DROP_OTHER),
            ),
            made=frozenset(tables.made),
            added=frozenset((f.target, f.columns[0]) for f in forms if f.kind == Kind.ADD_COLUMN),
            gone=frozenset(tables.gone),
        )

    @property
    def is_harmless(self) -> bool:
        """Whether no statement can touch a row that was there."""
        return all(form.kind in _HARMLESS for form in self.forms)

    def touched(self, tables: Mapping[str, Table], triggered: Collection[str]) -> frozenset[str]:
        """Return the tables of before whose rows the file may remove or change.

        A table's children count as well, whatever their foreign keys say. Where a trigger may
        carry a change on, or a statement can't be read, all of them do.

        Args:
            tables: those of before, by name in small letters.
            triggered: the names of tables and views that have triggers.
        """
        written = {form.target for form in self.forms if form.kind in _WRITES}
        kinds = {form.kind for form in self.forms}
        if Kind.UNKNOWN in kinds or (written and Kind.CREATE_TRIGGER in kinds):
            return frozenset(tables)
        found = {
            form.target
            for form in self.forms
            if form.kind not in _HARMLESS and form.kind != Kind.INSERT
        } & tables.keys()
        while more := {
            key
            for key, table in tables.items()
            if key not in found and any(one.parent in found for one in table.foreign_keys)
        }:
            found |= more
        return frozenset(tables if (found | written) & set(triggered) else found)


class _TableNames:
    """Follows, statement by statement, what the tables of before and the new ones are called."""

    def __init__(self) -> None:
        self.present: set[str] = set()
        self.made: set[str] = set()
        self.renamed: dict[str, str] = {}
        self.gone: set[str] = set()

    def origin(self, name: str) -> str:
        """Return the name that a table had before the file."""
        return next((old for old, new in self.renamed.items() if new == name), name)

    def follow(self, form: StatementForm) -> None:
        match form.kind:
            case Kind.CREATE_TABLE:
                self._make(form.target)
            case Kind.DROP_TABLE:
                self._drop(form.target)
            case Kind.RENAME_TABLE:
                self._rename(form.target, form.new_name)

    def _make(self, name: str) -> None:
        self.present.add(name)
        self.made.add(name)
        self.gone.discard(name)

    def _drop(self, name: str) -> None:
        old = self.origin(name)
        self.renamed.pop(old, None)
        if name in self.present:
            self.present.discard(name)
        elif old not in self.present:
            self.gone.add(old)

    def _rename(self, name: str, new: str) -> None:
        if name in self.present:
            self.present.discard(name)
            self._make(new)
        else:
            self.renamed[self.origin(name)] = new
