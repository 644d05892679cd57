"""`GET /test-ui`: the console's former address."""

from notification.errors import ServiceError
from notification.http.response import Response, success
from notification.http.router import Access, Call, Route


async def redirect_to_console(call: Call) -> Response:
    """Redirect to the console; 404 if this version serves none."""
    path = call.platform.settings.console_path
    if not path:
        raise ServiceError("NOT_FOUND", "Not found")
    location = f"{path.rstrip('/')}/"
    return success(
        status=302, headers={"Location": location}, message=f"The console is at {location}"
    )


ROUTES = (Route("GET", "/test-ui", redirect_to_console, access=Access.PUBLIC),)
"""The console itself is a static asset of the version."""
