"""Settings of the component `access`, which an operator runs and CI never does."""

from datetime import date
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints

from infra.settings import values as v


def _network(value: str) -> str:
    ip_network(value)
    return value


_OWNER = r"^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}$"

GithubOwner = Annotated[
    str, StringConstraints(pattern=_OWNER), v.Rule("a GitHub user or organisation.", "my-team")
]
GithubRepository = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$"),
    v.Rule("a repository's name without its owner.", "notification-system"),
]
Reviewers = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=_OWNER)], ...],
    BeforeValidator(v.json_value),
    AfterValidator(v.distinct),
    Field(max_length=6),
    v.Rule("a list of at most 6 different GitHub user names.", '["ada", "grace"]'),
]


def _generations(value: tuple[int, ...]) -> tuple[int, ...]:
    if list(value) != sorted(set(value)) or value[0] < 1:
        raise ValueError("not ascending from 1")
    return value


Generations = Annotated[
    tuple[int, ...],
    BeforeValidator(v.json_value),
    Field(min_length=1, max_length=2),
    AfterValidator(_generations),
    v.Rule("one whole number from 1, or two while one token replaces the other.", "[1, 2]"),
]
BackendUrl = Annotated[
    str,
    StringConstraints(pattern=r"^(https|s3|azblob|gs)://[^\s@]+$", max_length=500),
    v.Rule(
        "the URL of a state backend, as `pulumi login` takes it, without credentials.",
        "s3://pulumi-state?region=auto&endpoint=https://ACCOUNT.r2.cloudflarestorage.com",
    ),
]
Bucket = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$"),
    v.Rule("a bucket's name: 3 to 63 of a-z, 0-9 and '-'.", "notification-backups"),
]
ExpiryDate = Annotated[date, v.Rule("a date as YYYY-MM-DD.", "2027-01-31")]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...],
    BeforeValidator(v.json_value),
    AfterValidator(v.distinct),
    v.Rule("a list of different IP addresses or networks.", '["192.0.2.0/24"]'),
]


def _different_people(value: tuple[str, ...]) -> tuple[str, ...]:
    if len({name.casefold() for name in value}) != len(value):
        raise ValueError("the same person twice")
    return value


Approvers = Annotated[
    tuple[
        Annotated[str, StringConstraints(pattern=r"^\S( ?\S)*$", max_length=100, strict=True)],
        ...,
    ],
    BeforeValidator(v.json_value),
    AfterValidator(_different_people),
    Field(max_length=50),
    v.Rule("a list of at most 50 different names.", '["Ada Lovelace", "Grace Hopper"]'),
]


class AccessSettings(BaseModel):
    """The CI token and the GitHub repository that deploys."""

    manage_access: v.Switch = Field(
        False,
        description="declare the CI tokens and GitHub's environments instead of the service",
    )
    github_owner: GithubOwner | None = Field(None, description="owner of the repository")
    github_repository: GithubRepository | None = Field(
        None, description="repository whose workflows deploy the stack"
    )
    production_reviewers: Reviewers = Field(
        (), description="who may approve the first of production's two gates"
    )
    production_approvers: Reviewers = Field(
        (), description="who may approve the second gate; nobody is in both lists"
    )
    approvers: Approvers = Field(
        (),
        description="who may approve a deployment by hand (`notifyctl deploy --approved-by`); "
        "empty means anybody",
    )
    ci_token_generations: Generations = Field(
        (1,), description="CI tokens that exist; workflows get the newest, a second one overlaps"
    )
    ci_token_expires_on: ExpiryDate | None = Field(
        None, description="day at whose start (UTC) the CI token ends; unset means never"
    )
    ci_token_allowed_ips: Networks = Field(
        (), description="addresses from which the CI token works; empty means any"
    )
    pulumi_backend_url: BackendUrl | None = Field(
        None, description="state backend that the workflows log in to; unset means Pulumi Cloud"
    )
    backup_bucket: Bucket | None = Field(
        None, description="R2 bucket that the nightly backup goes to; unset means no backup"
    )
