"""`GET /openapi.json`: the service's own description."""

from functools import lru_cache

from notification.http.response import Response, to_json
from notification.http.router import Access, Call, Route


@lru_cache(maxsize=1)
def document_text(version: str) -> str:
    """The document as JSON; built once per isolate."""
    # Imported here: the operations name the handlers of all route modules, this one among them.
    from notification.openapi.document import build_document
    from notification.openapi.registry import all_operations
    from notification.routes.table import all_routes

    return to_json(build_document(all_routes(), all_operations(), version))


async def show_document(call: Call) -> Response:
    """The OpenAPI 3.1 document of this version, built from its routes."""
    return Response(200, document_text(call.platform.settings.service_version))


ROUTES = (Route("GET", "/openapi.json", show_document, access=Access.PUBLIC),)
