"""What the program makes of the version that the state has."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from infra.bundle import Bundle, Module, bundle_sha256
from infra.uploaded_version import UploadedVersion
from tests.infra.registrations import VERSION_TYPE, Declared
from tests.infra.stack_inputs import small_bundle


def outputs(bundle: Bundle, *, text: bool) -> dict[str, Any]:
    """What the provider leaves of the bundle's version in a state."""
    source = "contentBase64" if text else "contentFile"
    return {
        "annotations": {"workersTag": bundle.sha256},
        "modules": [
            {
                "name": module.name,
                "contentType": module.content_type,
                source: "eA==",
                "contentSha256": hashlib.sha256(module.content).hexdigest(),
            }
            for module in (*bundle.modules, Module("_headers", "text/plain", b"/*"))
        ],
    }


def bundle_of(contents: dict[str, bytes]) -> Bundle:
    modules = tuple(Module(name, "text/x-python", body) for name, body in contents.items())
    return replace(small_bundle(), sha256=bundle_sha256(modules), modules=modules)


def sources(found: Declared) -> set[str]:
    """The keys that the declared modules have beside name and type."""
    modules = found.one("version").inputs["modules"]
    return {key for module in modules for key in module} - {"name", "contentType"}


def test_modules_are_files_and_so_are_the_headers_of_the_assets(
    declared: Callable[..., Declared],
) -> None:
    found = declared(console="true")
    modules = {m["name"]: m["contentFile"] for m in found.one("version").inputs["modules"]}
    assert modules == {
        "entry.py": "dist/worker/entry.py",
        "notification/domain.py": "dist/worker/notification/domain.py",
        "_headers": "dist/assets.headers",
    }


def test_a_state_with_the_text_of_this_very_code_keeps_it(
    declared: Callable[..., Declared],
) -> None:
    """Upgrading from modules as text is no change by itself."""
    assert sources(declared(before=outputs(small_bundle(), text=True))) == {"contentBase64"}


@pytest.mark.parametrize(
    "before",
    [outputs(small_bundle(b"x = 0\n"), text=True), outputs(small_bundle(), text=False), None],
    ids=["the text of other code", "files", "no version"],
)
def test_every_other_state_gets_files(
    declared: Callable[..., Declared], before: dict[str, Any] | None
) -> None:
    assert sources(declared(before=before)) == {"contentFile"}


def test_a_change_of_the_code_is_told_as_the_list_of_its_modules(
    declared: Callable[..., Declared], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda message: told.append(message))
    declared(before=outputs(small_bundle(b"x = 0\n"), text=False))
    assert told == ["The Worker's modules: 1 changed (entry.py)."]
    declared(before=outputs(small_bundle(), text=False))
    assert len(told) == 1


@pytest.mark.parametrize(("count", "more"), [(12, ""), (13, " and 1 more")])
def test_a_list_is_cut_after_twelve_modules(count: int, more: str) -> None:
    names = [f"m{n:02}.py" for n in range(count)]
    uploaded = UploadedVersion.of_outputs(outputs(bundle_of({"entry.py": b"1"}), text=False))
    told = uploaded.changes(bundle_of({"entry.py": b"1", **dict.fromkeys(names, b"")}))
    assert told == f"The Worker's modules: {count} new ({', '.join(names[:12])}{more})."


def test_a_module_that_differs_is_told_whatever_its_name_and_hash() -> None:
    bodies = (b"1", b"2", b"3", b"4")
    for before in bodies:
        for after in bodies:
            names = ("A.py", "__init__.py", "z.py")
            uploaded = UploadedVersion.of_outputs(
                outputs(bundle_of(dict.fromkeys(names, before)), text=False)
            )
            told = uploaded.changes(bundle_of(dict.fromkeys(names, after)))
            every = f"The Worker's modules: 3 changed ({', '.join(names)})."
            assert told == ("" if before == after else every)
            assert uploaded.keeps_text(bundle_of(dict.fromkeys(names, after))) is False


@pytest.mark.parametrize("count", [0, 2])
def test_a_state_without_exactly_one_version_tells_nothing(count: int) -> None:
    entry = {"type": VERSION_TYPE, "outputs": outputs(small_bundle(), text=True)}
    other = {"type": "cloudflare:index/zone:Zone", "outputs": {}}
    assert UploadedVersion.of_state([other, *[entry] * count]) is None
    assert UploadedVersion.of_state([other, entry]) is not None


@pytest.mark.parametrize("other", [b"x = 0\n", b"x = 2\n", b"x = 3\n", b"x = 4\n"])
def test_the_text_of_other_code_is_never_kept(other: bytes) -> None:
    uploaded = UploadedVersion.of_outputs(outputs(small_bundle(other), text=True))
    assert uploaded.keeps_text(small_bundle(other))
    assert not uploaded.keeps_text(small_bundle())
    assert uploaded.changes(small_bundle()) == "The Worker's modules: 1 changed (entry.py)."


def test_new_and_removed_modules_are_told_apart_and_a_long_list_is_cut() -> None:
    before = bundle_of({"gone.py": b"1", "entry.py": b"1"})
    after = bundle_of({"entry.py": b"1", **{f"m{n:02}.py": b"" for n in range(14)}})
    uploaded = UploadedVersion.of_outputs(outputs(before, text=False))
    listed = ", ".join(f"m{n:02}.py" for n in range(12))
    assert uploaded.changes(after) == (
        f"The Worker's modules: 14 new ({listed} and 2 more), 1 removed (gone.py)."
    )
