"""A provider that works off a table of resource types, in the engine's own process."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from engine.errors import ProviderError
from engine.property_value import UNKNOWN, Properties, Secret
from engine.provider import Checked, Difference, Known, Live, Target
from engine.providers.planned_change import changed_keys, changed_paths, covers
from engine.providers.property_naming import from_wire, to_wire
from engine.providers.resource_type import MISSING_ID, Call, ResourceType

_FRACTION = re.compile(r"\.\d+(?=Z|[+-]\d\d:?\d\d$)")
_META = "__meta"


class Api(Protocol):
    """The calls that a stand-in makes."""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request; the answer's result."""
        ...

    def call_if_there(self, method: str, path: str) -> Any:
        """One request; None where there is no such thing."""
        ...

    def pages(self, path: str, items: str = "") -> Any:
        """All items of a list."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class StandInProvider:
    """Serves the types of ``table`` through ``api``; see ``Provider`` for the calls."""

    def __init__(self, table: Mapping[str, ResourceType], api: Api, *, package: str) -> None:
        self._table = table
        self._api = api
        self._package = package

    def check(self, target: Target, olds: Properties, news: Properties) -> Checked:
        """See ``Provider.check``. Inputs stay as given; sensitive ones are marked."""
        type_ = self._type(target.type)
        failures = [
            (key, f"the stand-in for {self._package} does not serve it; install the pulumi CLI")
            for key in sorted(set(news) & type_.refused)
        ]
        failures += [(key, "there is no such input") for key in sorted(self._strange(type_, news))]
        given = {key: value for key, value in news.items() if value is not None}
        return Checked(_marked(type_, given), tuple(failures))

    @staticmethod
    def _strange(type_: ResourceType, news: Properties) -> set[str]:
        return set(news) - type_.inputs - type_.refused

    def diff(
        self, target: Target, known: Known, news: Properties, ignore: tuple[str, ...]
    ) -> Difference:
        """See ``Provider.diff``."""
        type_ = self._type(target.type)
        keys = changed_keys(type_, old_inputs=known.inputs, outputs=known.outputs, news=news)
        if not keys:
            return Difference(changed=False)
        replaces = tuple(key for key in keys if self._replaces(type_, key, known, news))
        moved = tuple(sorted(type_.computed - type_.stable))
        details = changed_paths(type_, keys, outputs=known.outputs, news=news)
        return Difference(
            changed=True, keys=(*keys, *moved), replaces=replaces, details=dict(details)
        )

    @staticmethod
    def _replaces(type_: ResourceType, key: str, known: Known, news: Properties) -> bool:
        """Replacement compares named lists by name: another order is an update in place."""
        if key not in type_.replaces:
            return False
        if key not in type_.verbatim or not isinstance(news.get(key), list):
            return True
        left_out = type_.in_state.get(key, frozenset())
        want = _without(type_.fill({key: news[key]})[key], left_out)
        have = _without(known.outputs.get(key) or [], left_out)
        return not covers(sorted(want, key=_name), sorted(have, key=_name))

    def create(self, target: Target, news: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See ``Provider.create``."""
        type_ = self._type(target.type)
        wanted = type_.fill(news)
        if preview:
            unknown = dict.fromkeys(type_.computed | (type_.defaulted - set(wanted)), UNKNOWN)
            return "", {**_marked(type_, wanted), **unknown, "id": UNKNOWN}
        answer = self._send(type_.create, wanted, body=type_.body(wanted), type_=type_)
        return self._finished(type_, wanted, answer)

    def update(
        self, target: Target, known: Known, news: Properties, *, preview: bool
    ) -> Properties:
        """See ``Provider.update``."""
        type_ = self._type(target.type)
        wanted = type_.fill(news)
        kept = {
            key: value
            for key, value in known.outputs.items()
            if key not in type_.optional and key not in wanted
        }
        if preview:
            unknown = dict.fromkeys(type_.computed - type_.stable, UNKNOWN)
            return {**kept, **_marked(type_, wanted), **unknown}
        answer: Properties = {}
        if type_.update is not None:
            body = type_.body(wanted)
            answer = self._send(type_.update, {**kept, **wanted}, body=body, type_=type_)
        return self._finished(type_, wanted, {**kept, **answer})[1]

    def delete(self, target: Target, known: Known) -> None:
        """See ``Provider.delete``."""
        type_ = self._type(target.type)
        if type_.delete is not None:
            path = _path(type_.delete.path, {**known.inputs, **known.outputs})
            self._api.call_if_there(type_.delete.method, path)

    def read(self, target: Target, known: Known) -> Live | None:
        """See ``Provider.read``."""
        type_ = self._type(target.type)
        is_import = not (known.inputs or known.outputs)
        if is_import:
            known = Known(outputs=_import_id(type_, target.id))
        path = _path(type_.read.path, {**known.inputs, **known.outputs})
        answer = self._api.call_if_there(type_.read.method, path)
        if answer is None:
            return None
        found = _answer(type_, answer)
        outputs = {**known.outputs, _META: type_.meta}
        for key in (type_.inputs | type_.computed) - type_.in_path - type_.unread:
            if key in found and key not in type_.verbatim:
                outputs[key] = found[key]
        outputs = type_.shape({**known.outputs, "__answer": found}, outputs)
        new_id = target.id if type_.id == MISSING_ID else str(outputs.get(type_.id, target.id))
        inputs = known.inputs
        if is_import:
            inputs = {k: v for k in type_.inputs if (v := outputs.get(k)) is not None}
        return Live(new_id, inputs, _marked(type_, outputs))

    def find(self, target: Target, inputs: Properties) -> Live | None:
        """See ``Provider.find``."""
        type_ = self._type(target.type)
        if type_.lookup is None:
            return None
        wanted = type_.fill(inputs)
        lookup = type_.lookup
        for item in self._api.pages(_path(lookup.path, wanted), lookup.items):
            found = _answer(type_, item)
            if lookup.is_same(found, wanted):
                new_id, outputs = self._finished(type_, wanted, found)
                return self.read(
                    Target(target.urn, target.type, target.name, new_id), Known(inputs, outputs)
                )
        return None

    def is_repeatable(self, target: Target) -> bool:
        """See ``Provider.is_repeatable``."""
        return self._type(target.type).repeatable

    def invoke(self, token: str, args: Properties) -> Checked:
        """See ``Provider.invoke``."""
        raise ProviderError(
            f"the stand-in for {self._package} has no function {token}: install the pulumi CLI"
        )

    def close(self) -> None:
        """See ``Provider.close``."""
        self._api.close()

    def _type(self, token: str) -> ResourceType:
        if token not in self._table:
            raise ProviderError(
                f"the stand-in for {self._package} does not know the type {token}: install the "
                "pulumi CLI to deploy it"
            )
        return self._table[token]

    def _send(
        self, call: Call, properties: Properties, *, body: Any, type_: ResourceType
    ) -> Properties:
        if isinstance(body, dict):
            body = {key: value for key, value in body.items() if key not in type_.in_path}
        answer = self._api.call(call.method, _path(call.path, properties), to_wire(body))
        return _answer(type_, answer)

    @staticmethod
    def _finished(
        type_: ResourceType, wanted: Properties, answer: Properties
    ) -> tuple[str, Properties]:
        outputs = dict(wanted)
        # An answer says nothing about an optional input that the program left out.
        told = type_.computed | type_.defaulted | (type_.optional & set(wanted))
        for key in told - type_.verbatim:
            if key in answer:
                outputs[key] = _completed(outputs.get(key), answer[key])
        outputs = type_.shape(wanted, outputs)
        new_id = MISSING_ID if type_.id == MISSING_ID else str(outputs[type_.id])
        if new_id != MISSING_ID:
            outputs["id"] = new_id
        return new_id, {**_marked(type_, outputs), _META: type_.meta}


def _answer(type_: ResourceType, answer: Any) -> Properties:
    found: Properties = from_wire(answer) if isinstance(answer, dict) else {}
    for key in type_.times & set(found):
        found[key] = _FRACTION.sub("", str(found[key]))
    return found


def _import_id(type_: ResourceType, import_id: str) -> Properties:
    """The properties that an import id such as ``ACCOUNT/DATABASE`` names."""
    parts = import_id.split("/")
    if not type_.imports:
        raise ProviderError(f"the provider can't import a {type_.name.rpartition(':')[2]}")
    if len(parts) != len(type_.imports) or not all(parts):
        form = "/".join(f"<{name}>" for name in type_.imports)
        raise ProviderError(f"the import id has to be of the form {form}")
    return dict(zip(type_.imports, parts, strict=True))


def _completed(wanted: Any, answer: Any) -> Any:
    """What the program wants stays as it is; what it left open comes from the answer."""
    if wanted is None:
        return answer
    if isinstance(wanted, dict) and isinstance(answer, dict):
        extra = {key: value for key, value in answer.items() if key not in wanted}
        return {**{k: _completed(v, answer.get(k)) for k, v in wanted.items()}, **extra}
    if isinstance(wanted, list) and isinstance(answer, list) and len(wanted) == len(answer):
        return [_completed(item, other) for item, other in zip(wanted, answer, strict=True)]
    return wanted


def _marked(type_: ResourceType, values: Properties) -> Properties:
    """Sensitive properties of list items as secrets, as the real provider's schema has them."""
    marked = dict(values)
    for key, names in type_.sensitive.items():
        if isinstance(marked.get(key), list):
            marked[key] = [
                {k: Secret(v) if k in names else v for k, v in item.items()}
                if isinstance(item, dict)
                else item
                for item in marked[key]
            ]
    return marked


def _path(template: str, properties: Properties) -> str:
    names = [name for _, name, _, _ in string.Formatter().parse(template) if name]
    return template.format(**{name: quote(str(properties[name]), safe="") for name in names})


def _name(item: Any) -> str:
    return str(item.get("name")) if isinstance(item, dict) else str(item)


def _without(items: list[Any], left_out: frozenset[str]) -> list[Any]:
    return [
        {key: value for key, value in item.items() if key not in left_out}
        if isinstance(item, dict)
        else item
        for item in items
    ]
