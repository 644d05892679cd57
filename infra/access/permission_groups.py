"""Finding the ids of permission groups by exact name and scope."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from infra.access.permission import Permission


class PermissionLookupError(Exception):
    """A permission has no group in the account's list, or more than one."""


@dataclass(frozen=True)
class Group:
    """A permission group as the API lists it."""

    id: str
    name: str
    scopes: tuple[str, ...]


def ids_of(permissions: Sequence[Permission], groups: Iterable[Group]) -> Mapping[Permission, str]:
    """Return each permission's id; raise PermissionLookupError naming all without exactly one.

    A name that is nearly right, or right in another scope, is no match: a token with a permission
    that nobody asked for is worse than none.
    """
    listed = list(groups)
    found: dict[Permission, str] = {}
    wrong: list[str] = []
    for permission in permissions:
        scope = permission.scope.value
        ids = {g.id for g in listed if g.name == permission.group and scope in g.scopes}
        if len(ids) == 1:
            found[permission] = ids.pop()
            continue
        many = f"there are {len(ids)} such groups" if ids else "there is no such group"
        wrong.append(f"'{permission.group}' of scope {scope} ({many})")
    if wrong:
        raise PermissionLookupError(
            f"Cloudflare's list of permission groups doesn't identify {'; '.join(wrong)}. "
            "Correct infra/access/permission.py by GET /accounts/ACCOUNT/tokens/permission_groups."
        )
    return found
