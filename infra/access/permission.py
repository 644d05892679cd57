"""The permissions of Cloudflare's API tokens that this project asks for."""

from enum import Enum


class Scope(Enum):
    """What a permission applies to, in the API's own terms."""

    ACCOUNT = "com.cloudflare.api.account"
    ZONE = "com.cloudflare.api.account.zone"


class Permission(Enum):
    """A permission group by its exact name and scope; its id is looked up, never written down.

    Several groups share a name and differ in scope, so a name alone identifies none. The API says
    "Write" where the dashboard says "Edit".
    """

    WORKERS_SCRIPTS_WRITE = ("Workers Scripts Write", Scope.ACCOUNT)
    WORKERS_KV_STORAGE_WRITE = ("Workers KV Storage Write", Scope.ACCOUNT)
    D1_WRITE = ("D1 Write", Scope.ACCOUNT)
    QUEUES_WRITE = ("Queues Write", Scope.ACCOUNT)
    ACCOUNT_SETTINGS_READ = ("Account Settings Read", Scope.ACCOUNT)
    WORKERS_ROUTES_WRITE = ("Workers Routes Write", Scope.ZONE)
    ZONE_READ = ("Zone Read", Scope.ZONE)
    WORKERS_SCRIPTS_READ = ("Workers Scripts Read", Scope.ACCOUNT)
    WORKERS_KV_STORAGE_READ = ("Workers KV Storage Read", Scope.ACCOUNT)
    QUEUES_READ = ("Queues Read", Scope.ACCOUNT)
    D1_READ = ("D1 Read", Scope.ACCOUNT)
    WORKERS_ROUTES_READ = ("Workers Routes Read", Scope.ZONE)
    WORKERS_R2_STORAGE_WRITE = ("Workers R2 Storage Write", Scope.ACCOUNT)
    ACCOUNT_ANALYTICS_READ = ("Account Analytics Read", Scope.ACCOUNT)
    ACCOUNT_API_TOKENS_WRITE = ("Account API Tokens Write", Scope.ACCOUNT)
    WORKERS_TAIL_READ = ("Workers Tail Read", Scope.ACCOUNT)

    @property
    def group(self) -> str:
        """The permission group's name in the API."""
        return self.value[0]

    @property
    def scope(self) -> Scope:
        """What it applies to."""
        return self.value[1]

    @property
    def shown(self) -> str:
        """The permission as the dashboard's form for tokens words it."""
        name, _, level = self.group.rpartition(" ")
        return f"{self.scope.name.title()} → {name} → {'Edit' if level == 'Write' else level}"
