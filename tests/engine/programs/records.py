"""Dynamic resources whose outside is a folder of files and a journal of calls."""

import pulumi
from records_provider import Record

config = pulumi.Config()
folder = config.require("folder")

first = Record(
    "first", {"folder": folder, "text": "one", "secret": config.require_secret("apiKey")}
)
second = Record("second", {"folder": folder, "text": first.id})
pulumi.export("first", first.id)
