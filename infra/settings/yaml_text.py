"""Reading YAML that a person wrote, with each mistake's line."""

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    _SafeLoader = yaml.SafeLoader
else:
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # Ten times as fast.
_SHOWN = 80
_KINDS = {"timestamp": "date or time", "int": "whole number", "float": "number"}


class YamlMistake(ValueError):
    """A text that can't be read as YAML; the message completes a sentence about the file."""


class _Loader(_SafeLoader):
    """Names a value that is of no such kind: the library raises what its conversion says."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError:
            name = node.tag.rpartition(":")[2]
            kind = _KINDS.get(name, name)
            raise YamlMistake(
                f"{str(node.value)[:_SHOWN]!r} in line {node.start_mark.line + 1} is no {kind}"
            ) from None


def parse_yaml(text: str) -> Any:
    """Return a document's value.

    Raises:
        YamlMistake: it has none.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise YamlMistake(f"it isn't valid YAML{where}") from None
