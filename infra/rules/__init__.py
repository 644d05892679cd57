"""Rules that every stack keeps, checked in every preview and every update, by any engine."""

from infra.rules.check import check_rules
from infra.rules.collection import collect_declarations, note_permission_groups
from infra.rules.declaration import Breach, Declaration, Stack

__all__ = [
    "Breach",
    "Declaration",
    "Stack",
    "check_rules",
    "collect_declarations",
    "note_permission_groups",
]
