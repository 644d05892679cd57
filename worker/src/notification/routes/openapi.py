"""`GET /openapi.json`: the service's own description."""

from notification.http.response import Response
from notification.http.router import Access, Call, Route


async def show_document(call: Call) -> Response:
    """Return the OpenAPI 3.1 document of this version."""
    # Written by the build of the bundle: there is no such file among the sources.
    from notification.openapi_document import DOCUMENT

    return Response(200, DOCUMENT)


ROUTES = (Route("GET", "/openapi.json", show_document, access=Access.PUBLIC),)
