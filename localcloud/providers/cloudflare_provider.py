"""The stand-in for pulumi-cloudflare: the table of types, and the functions."""

from __future__ import annotations

from localcloud.engine.property_value import Properties
from localcloud.engine.provider import Checked
from localcloud.providers.cloudflare_functions import CLOUDFLARE_FUNCTIONS
from localcloud.providers.cloudflare_table import CLOUDFLARE_TYPES
from localcloud.providers.stand_in_provider import Api, StandInProvider


class CloudflareProvider(StandInProvider):
    """Serves CLOUDFLARE_TYPES and CLOUDFLARE_FUNCTIONS."""

    def __init__(self, api: Api) -> None:
        super().__init__(CLOUDFLARE_TYPES, api, package="cloudflare")
        self._cloudflare = api

    def invoke(self, token: str, args: Properties) -> Checked:
        """See ``Provider.invoke``. Raises ``ProviderError`` for a function that isn't served."""
        function = CLOUDFLARE_FUNCTIONS.get(token)
        if function is None:
            return super().invoke(token, args)
        return Checked(function(self._cloudflare, args))
