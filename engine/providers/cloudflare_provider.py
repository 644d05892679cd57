"""The stand-in for pulumi-cloudflare: the table of types, and the functions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from engine.property_value import Properties
from engine.provider import Checked, Target
from engine.providers.asset_upload import AssetApi, upload_assets
from engine.providers.cloudflare_functions import CLOUDFLARE_FUNCTIONS
from engine.providers.cloudflare_table import CLOUDFLARE_TYPES
from engine.providers.stand_in_provider import Api, StandInProvider
from engine.providers.worker_version_shape import version_body, version_defaults

_VERSION = "cloudflare:index/workerVersion:WorkerVersion"


class CloudflareApi(Api, AssetApi, Protocol):
    """The calls of both."""


class CloudflareProvider(StandInProvider):
    """Serves CLOUDFLARE_TYPES and CLOUDFLARE_FUNCTIONS.

    Files of modules and directories of assets are relative to ``folder``, wherever this process
    was started.
    """

    def __init__(self, api: CloudflareApi, *, folder: Path = Path()) -> None:
        version = replace(
            CLOUDFLARE_TYPES[_VERSION],
            fill=partial(version_defaults, folder=folder),
            body=partial(version_body, folder=folder),
        )
        super().__init__({**CLOUDFLARE_TYPES, _VERSION: version}, api, package="cloudflare")
        self._folder = folder
        self._cloudflare = api

    def create(self, target: Target, news: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See ``Provider.create``. The assets of a version are uploaded before it."""
        assets = news.get("assets") or {}
        if preview or target.type != _VERSION or not assets.get("directory"):
            return super().create(target, news, preview=preview)
        token = upload_assets(
            self._cloudflare,
            str(news["accountId"]),
            str(news["workerId"]),
            str(self._folder / str(assets["directory"])),
        )
        id_, outputs = super().create(
            target, {**news, "assets": {**assets, "jwt": token}}, preview=False
        )
        # The token is spent, and the state never has it.
        kept = {key: value for key, value in outputs["assets"].items() if key != "jwt"}
        return id_, {**outputs, "assets": kept}

    def invoke(self, token: str, args: Properties) -> Checked:
        """See ``Provider.invoke``. Raises ``ProviderError`` for a function that isn't served."""
        function = CLOUDFLARE_FUNCTIONS.get(token)
        if function is None:
            return super().invoke(token, args)
        return Checked(function(self._cloudflare, args))
