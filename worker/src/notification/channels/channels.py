"""Channels by name, each imported when it is first asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from notification.channels.channel import Channel


class Channels(Mapping[str, Channel]):
    """A mapping of names to channels. Names are known without importing a channel's module, so an
    isolate pays only for the channels that it sends over.

    Each argument is a channel's name and where its class is: `module:class`.
    """

    __slots__ = ("_loaded", "_places")

    def __init__(self, **places: str) -> None:
        self._places = places
        self._loaded: dict[str, Channel] = {}

    def __getitem__(self, name: str) -> Channel:
        """The channel; raises `KeyError`."""
        channel = self._loaded.get(name)
        if channel is None:
            module, _, kind = self._places[name].partition(":")
            channel = self._loaded[name] = getattr(import_module(module), kind)()
        return channel

    def __contains__(self, name: object) -> bool:
        """Whether there is such a channel; imports nothing."""
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        """The names, in the order in which they are declared."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)
