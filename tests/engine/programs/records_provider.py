"""A dynamic provider that keeps each record as a file and writes down every call."""

from pathlib import Path
from typing import Any

from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)


def note(folder: str, call: str) -> None:
    with (Path(folder) / "calls.txt").open("a") as journal:
        journal.write(call + "\n")


class RecordProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        note(props["folder"], f"create {props['text']}")
        if props["text"] == "refuse":
            raise ValueError(f"the record is refused, its secret is {props.get('secret')}")
        if (Path(props["folder"]) / "wait-in-create").exists():
            note(props["folder"], "waiting")
            while True:
                pass
        name = f"record-{props['text']}"
        (Path(props["folder"]) / name).write_text(props["text"])
        return CreateResult(name, {**props, "length": len(props["text"])})

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        note(news["folder"], f"diff {id_}")
        return DiffResult(
            changes=olds["text"] != news["text"],
            replaces=["text"] if str(news["text"]).startswith("new") else [],
            delete_before_replace=str(news["text"]).startswith("newest"),
        )

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        note(news["folder"], f"update {id_}")
        return UpdateResult({**news, "length": len(news["text"])})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        note(props["folder"], f"read {id_}")
        if not (Path(props["folder"]) / id_).exists():
            return ReadResult("", {})
        return ReadResult(id_, props)

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        note(props["folder"], f"delete {id_}")
        (Path(props["folder"]) / id_).unlink(missing_ok=True)


class Record(Resource, module="probe", name="Record"):
    def __init__(self, name: str, props: dict[str, Any], opts: Any = None) -> None:
        super().__init__(RecordProvider(), name, {**props, "length": None}, opts)
