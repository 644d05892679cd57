"""The release that answers."""

from notification.openapi.operation import Operation
from notification.openapi.schemas import TEXT, WHOLE, array, map_of, record, succeeded
from notification.routes import deployment

_DEPLOYMENT = record(
    {
        "worker": TEXT,
        "versionId": TEXT,
        "tag": TEXT,
        "schemaLevel": WHOLE,
        "secretFingerprints": map_of(TEXT),
        "changedSecrets": array(TEXT),
    }
)

OPERATIONS = {
    deployment.show_deployment: Operation(
        tag="Insight", answers={200: succeeded({"data": _DEPLOYMENT})}
    ),
}
