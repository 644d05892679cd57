"""The stand-in for pulumi-github: the table, drift of secrets, and the look-up of users."""

from __future__ import annotations

from typing import Any

from engine.errors import ProviderError
from engine.property_value import Properties
from engine.provider import Checked, Difference, Known, Target
from engine.providers.github_client import GithubClient
from engine.providers.github_shapes import secret_drift
from engine.providers.github_table import GITHUB_TYPES
from engine.providers.property_naming import from_wire
from engine.providers.stand_in_provider import StandInProvider

_GET_USER = "github:index/getUser:getUser"
_GROUPS = ("users", "teams")


class GithubProvider(StandInProvider):
    """Serves GITHUB_TYPES and the function getUser."""

    def __init__(self, client: GithubClient) -> None:
        super().__init__(GITHUB_TYPES, client, package="github")
        self._github = client

    def diff(
        self, target: Target, known: Known, news: Properties, ignore: tuple[str, ...]
    ) -> Difference:
        """See ``Provider.diff``. A secret that somebody else has written is written again."""
        as_sets = Known(_comparable(known.inputs), _comparable(known.outputs))
        found = super().diff(target, as_sets, _comparable(news), ignore)
        drift = secret_drift(known.outputs)
        if not drift or found.replaces:
            return found
        return Difference(changed=True, keys=(*found.keys, *drift))

    def invoke(self, token: str, args: Properties) -> Checked:
        """See ``Provider.invoke``. Raises ``ProviderError`` for any function but getUser."""
        if token != _GET_USER:
            return super().invoke(token, args)
        login = str(args.get("username", ""))
        if not login:
            raise ProviderError("getUser needs a username")
        found = from_wire(self._github.user(login))
        keys = {"gpgKeys": [], "sshKeys": [], "username": login}
        return Checked({**found, **keys, "id": str(found["id"])})


def _comparable(properties: Properties) -> Properties:
    """Without what the provider takes for nothing: no wait, no reviewers, a group without any.

    Reviewers are in one order, since the provider takes them for sets.
    """
    kept = {
        key: _without_notes(value)
        for key, value in properties.items()
        if not (key in ("waitTimer", "reviewers") and not value)
    }
    groups = kept.get("reviewers")
    if not isinstance(groups, list) or not isinstance(groups[0], dict):
        return kept
    first = {
        name: sorted(groups[0][name]) if isinstance(groups[0][name], list) else groups[0][name]
        for name in _GROUPS
        if groups[0].get(name)
    }
    kept["reviewers"] = [first]
    if not first:
        del kept["reviewers"]
    return kept


def _without_notes(value: Any) -> Any:
    """Without ``__defaults``, in which the real provider notes what it has filled in."""
    if isinstance(value, dict):
        return {k: _without_notes(item) for k, item in value.items() if k != "__defaults"}
    if isinstance(value, list):
        return [_without_notes(item) for item in value]
    return value
