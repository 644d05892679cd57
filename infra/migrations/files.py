"""The numbered migration files of the project: NNNN_name.sql with NNNN_name.down.sql beside it."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.migrations.statements import LocatedStatement, StatementError, locate_statements

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_HEADER = re.compile(r"^-- (min-code|max-code): (\d{1,4})$", re.MULTILINE)
_LOSES = re.compile(r"^-- loses: *([^\n]+)$", re.MULTILINE)
_DECLARATION = re.compile(
    r"^[ \t]*--[ \t]*(?:min-code|max-code|loses)[ \t]*:.*", re.MULTILINE | re.I
)


class MigrationFileError(Exception):
    """The migration files can't be used; the message says which one, why, and what to do."""


@dataclass(frozen=True)
class Migration:
    """One migration: from the level before it to `level`, its number, and back.

    `sha256` is over the file's bytes with LF line ends. `min_code` and `max_code` bound the code
    that runs on the schema at this level; a code's level is that of the newest migration it came
    with. Files say otherwise by the comment lines `-- min-code: N` and `-- max-code: N`; by
    default all earlier code runs (the migration only adds), and no later code.

    `loses` and `down_loses` are what each file declares to lose, by `-- loses: table` or
    `-- loses: table.column`, in small letters; `lines` and `down_lines` are where its statements
    begin.
    """

    level: int
    name: str
    sha256: str
    statements: tuple[str, ...]
    down_statements: tuple[str, ...]
    min_code: int
    max_code: int
    has_min_code: bool = False
    loses: frozenset[str] = frozenset()
    down_loses: frozenset[str] = frozenset()
    lines: tuple[int, ...] = ()
    down_lines: tuple[int, ...] = ()

    @property
    def down_name(self) -> str:
        """The name of the file that undoes it."""
        return _down_name(self.name)


@dataclass(frozen=True)
class MigrationSet:
    """All migrations in the order of their numbers, each number once."""

    migrations: tuple[Migration, ...]

    @classmethod
    def read(cls, directory: Path) -> "MigrationSet":
        """Read a folder of migrations; raise MigrationFileError for what doesn't fit."""
        if not directory.is_dir():
            raise MigrationFileError(
                f"There is no folder {directory.parent.name}/{directory.name}. Restore it: "
                "the database's schema comes from it."
            )
        names = sorted(path.name for path in directory.glob("*.sql"))
        ups = [name for name in names if not name.endswith(".down.sql")]
        numbered: dict[int, str] = {}
        for name in ups:
            level = _level(name)
            if level in numbered:
                raise MigrationFileError(
                    f"{numbered[level]} and {name} have the same number. Give the newer one the "
                    "next number."
                )
            numbered[level] = name
        migrations = tuple(_read(directory, *each) for each in numbered.items())
        known = {_down_name(name) for name in ups}
        for name in names:
            if name.endswith(".down.sql") and name not in known:
                raise MigrationFileError(f"{name} undoes nothing: its migration is missing.")
        if not migrations:
            raise MigrationFileError(f"{directory.name} has no migration. Restore the files.")
        return cls(migrations)

    @property
    def level(self) -> int:
        """The level of the newest migration: that of the code that came with these files."""
        return self.migrations[-1].level

    def hashes(self) -> list[dict[str, str]]:
        """Name and hash of each, in order: what a state keeps of them."""
        return [{"name": m.name, "sha256": m.sha256} for m in self.migrations]

    def __iter__(self) -> Iterator[Migration]:
        return iter(self.migrations)


def _down_name(name: str) -> str:
    return name.removesuffix(".sql") + ".down.sql"


def _level(name: str) -> int:
    match = _NAME.fullmatch(name)
    if match is None or int(match[1]) == 0:
        raise MigrationFileError(
            f"{name} is no name of a migration. Call it NNNN_what_it_does.sql, in small letters "
            "and numbered from 0001 on."
        )
    return int(match[1])


def _read(directory: Path, level: int, name: str) -> Migration:
    text = _text(directory / name)
    down_text = _text(directory / _down_name(name))
    _check_declarations(name, text)
    _check_declarations(_down_name(name), down_text)
    header = {key: int(number) for key, number in _HEADER.findall(text)}
    statements = _statements(name, text)
    down_statements = _statements(_down_name(name), down_text)
    return Migration(
        level=level,
        name=name,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        statements=tuple(statement.sql for statement in statements),
        down_statements=tuple(statement.sql for statement in down_statements),
        min_code=header.get("min-code", 0),
        max_code=header.get("max-code", level),
        has_min_code="min-code" in header,
        loses=_declared(text),
        down_loses=_declared(down_text),
        lines=tuple(statement.line for statement in statements),
        down_lines=tuple(statement.line for statement in down_statements),
    )


def _check_declarations(name: str, text: str) -> None:
    """Refuse a declaration that is written otherwise, or twice: it would count as none."""
    found: set[str] = set()
    for line in _DECLARATION.findall(text):
        header = _HEADER.fullmatch(line)
        if header is None and not _LOSES.fullmatch(line):
            raise MigrationFileError(
                f"{name}: {line.strip()[:80]!r} is no declaration. Write '-- min-code: N', "
                "'-- max-code: N' or '-- loses: NAME, NAME', with nothing before or after it."
            )
        if header is not None and header[1] in found:
            raise MigrationFileError(f"{name} has {header[1]} twice. Keep one of them.")
        found |= {header[1]} if header else set()


def _declared(text: str) -> frozenset[str]:
    """Return what a file's `-- loses:` lines name, as SQLite compares names."""
    names = (name.strip() for found in _LOSES.findall(text) for name in found.split(","))
    return frozenset(name.lower() for name in names if name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise MigrationFileError(
            f"{path.name} is missing: each migration has its way back beside it. Write it."
        ) from None
    except UnicodeDecodeError:
        raise MigrationFileError(f"{path.name} is not UTF-8. Save it as UTF-8.") from None


def _statements(name: str, text: str) -> tuple[LocatedStatement, ...]:
    try:
        statements = locate_statements(text)
    except StatementError as error:
        raise MigrationFileError(f"{name}: {error}. Correct the file.") from None
    if not statements:
        raise MigrationFileError(f"{name} has no statement. Write what it does.")
    return statements
