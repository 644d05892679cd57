"""What programs do to resources: components, options, nested and secret outputs, dynamic kinds."""

import pulumi
from records_provider import Record

config = pulumi.Config()
folder = config.require("folder")
key = config.require_secret("apiKey")


class Family(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("probe:index:Family", name, {}, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.elder = Record(
            f"{name}-elder",
            {"folder": folder, "text": "elder", "nested": {"a": [1, 2.5, None], "key": key}},
            own,
        )
        self.younger = Record(
            f"{name}-younger",
            {"folder": folder, "text": self.elder.id},
            pulumi.ResourceOptions(parent=self, retain_on_delete=True, deleted_with=self.elder),
        )
        self.register_outputs({"elder": self.elder.id, "key": key})


family = Family("family")
guarded = Record(
    "guarded",
    {"folder": folder, "text": "guarded", "list": [key, "plain"]},
    pulumi.ResourceOptions(
        protect=True,
        depends_on=[family],
        ignore_changes=["list"],
        replace_on_changes=["text"],
        delete_before_replace=True,
        additional_secret_outputs=["length"],
    ),
)
pulumi.export("elder", family.elder.id)
pulumi.export("key", key)
pulumi.export("mixed", {"list": [1, {"key": key}], "nothing": None, "text": "<&>"})
