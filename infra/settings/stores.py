"""Settings of what a stack keeps, and the ids of what is there already and is to be adopted."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints

from infra.settings import values as v

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
DatabaseId = Annotated[
    str,
    StringConstraints(pattern=_UUID),
    v.Rule("a UUID in lower case.", "f174e90a-fafe-4643-bbbc-4a0ed4fc8415"),
]
DatabaseIds = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=_UUID)], ...],
    BeforeValidator(v.json_value),
    AfterValidator(v.distinct),
    Field(max_length=v.MAX_SHARDS - 1),
    v.Rule(
        f"a list of at most {v.MAX_SHARDS - 1} different UUIDs in lower case.",
        '["f174e90a-fafe-4643-bbbc-4a0ed4fc8415"]',
    ),
]
ResourceId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{32}$"),
    v.Rule("32 hexadecimal digits in lower case.", "023e105f4ecef8ad9ca31a8372d0c353"),
]


class StoreSettings(BaseModel):
    """Database, namespace and queues."""

    d1_location: v.D1Location | None = Field(
        None, description="where the database is created; changing it would replace the database"
    )
    d1_jurisdiction: v.D1Jurisdiction | None = Field(
        None, description="where the data has to stay; changing it would replace the database"
    )
    shards: v.Shards = Field(1, description="D1 databases over which the recipients are spread")
    protect_stores: v.Switch = Field(
        False, description="refuse to delete or replace the database, the namespace and the queues"
    )
    adopt_database_id: DatabaseId | None = Field(
        None, description="existing D1 database that the stack takes over"
    )
    adopt_further_database_ids: DatabaseIds = Field(
        (), description="existing D1 databases that the stack takes over after the first, in order"
    )
    adopt_namespace_id: ResourceId | None = Field(
        None, description="existing KV namespace that the stack takes over"
    )
    adopt_retry_queue_id: ResourceId | None = Field(
        None, description="existing queue that the stack takes over as its retry queue"
    )
    adopt_failed_queue_id: ResourceId | None = Field(
        None, description="existing queue that the stack takes over as its failed queue"
    )
    adopt_worker_id: ResourceId | None = Field(
        None, description="existing Worker that the stack takes over"
    )
