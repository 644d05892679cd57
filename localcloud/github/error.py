"""GitHub's error bodies: a message, a documentation URL, and what is wrong with which field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import JSONResponse

_DOCUMENTATION = "https://docs.github.com/rest"


class GithubError(Exception):
    """An answer of the API that isn't a success: HTTP status, message, errors of a 422."""

    def __init__(
        self, status: int, message: str, errors: Sequence[str | Mapping[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)

    def response(self) -> JSONResponse:
        """The error as GitHub words it (REST API reference, "Troubleshooting the REST API")."""
        body: dict[str, object] = {"message": self.message}
        if self.errors:
            body["errors"] = list(self.errors)
        body |= {"documentation_url": _DOCUMENTATION, "status": str(self.status)}
        return JSONResponse(body, status_code=self.status)


def not_found() -> GithubError:
    """What doesn't exist and what one may not see are the same answer."""
    return GithubError(404, "Not Found")


def missing_field(resource: str, field: str) -> GithubError:
    """A required field that isn't there."""
    return GithubError(
        422,
        "Validation Failed",
        [{"resource": resource, "field": field, "code": "missing_field"}],
    )


def wrong_type(field: str) -> GithubError:
    """A field of the wrong kind; its value isn't repeated."""
    return GithubError(422, f'Invalid request.\n\nThe property "{field}" has the wrong type.')


def not_supplied(field: str) -> GithubError:
    """A required property, in the words of the routes that check their body by a schema."""
    return GithubError(422, f'Invalid request.\n\n"{field}" wasn\'t supplied.')
