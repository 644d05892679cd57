"""Settings that say whose resources these are, and over which APIs they are made."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from infra.settings import values as v

CLOUDFLARE_API = "https://api.cloudflare.com/client/v4"
BASE_URL_KEY = "cloudflare:baseUrl"
GITHUB_API = "https://api.github.com/"
GITHUB_URL_KEY = "github:baseUrl"
BASE_URL_KEYS = (BASE_URL_KEY, GITHUB_URL_KEY)


def _github_url(value: str) -> str:
    if not value.endswith("/"):
        raise ValueError("no slash at its end")
    return v.plain_url(value)


GithubUrl = Annotated[
    str,
    AfterValidator(_github_url),
    v.Rule("an https URL with a trailing slash (http on the loopback address alone).", GITHUB_API),
]


class AccountSettings(BaseModel):
    """The account, what the stack is, and the APIs' addresses."""

    account_id: v.AccountId = Field(description="Cloudflare account that owns the resources")
    environment: v.Environment = Field(description="what the Worker reports itself to be")
    cloudflare_base_url: v.ApiUrl = Field(
        CLOUDFLARE_API,
        alias="cloudflare:baseUrl",
        description="Cloudflare's API, or a local stand-in",
    )
    github_base_url: GithubUrl = Field(
        GITHUB_API, alias="github:baseUrl", description="GitHub's API, or a local stand-in"
    )
