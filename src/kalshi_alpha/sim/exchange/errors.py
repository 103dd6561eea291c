"""The venue's refusals: four shapes of body, as recorded."""

from typing import Literal

import msgspec

from kalshi_alpha.model.http import HttpResponse

Shape = Literal["nested", "flat", "bare", "words"]


class Refusal(Exception):  # noqa: N818 - an answer of the venue, not a fault of ours
    """A request the venue turns down; nothing was changed."""

    def __init__(self, status: int, code: str, details: str = "", *, shape: Shape = "nested") -> None:
        super().__init__(f"{status} {code} {details}".rstrip())
        self.status = status
        self.code = code
        self.details = details
        self.shape: Shape = shape

    def body(self) -> dict[str, object]:
        """Return the error as the venue words it."""
        if self.shape == "words":
            return {"error": self.code}
        if self.shape == "bare":
            return {"msg": self.details}
        if self.shape == "flat":
            return self.item()
        return {"error": self.item()}

    def item(self) -> dict[str, object]:
        """Return the inner part, as a batch's answers carry it."""
        inner: dict[str, object] = {"code": self.code, "message": self.code.replace("_", " ")}
        if self.details:
            inner["details"] = self.details
        return inner

    def response(self) -> HttpResponse:
        """Return the whole answer."""
        return json_response(self.status, self.body())


def json_response(status: int, document: object) -> HttpResponse:
    """Return an answer with a JSON body."""
    return HttpResponse(status, msgspec.json.encode(document))


def not_found(what: str = "") -> Refusal:
    """Return the refusal for what doesn't exist, or no longer."""
    return Refusal(404, "not_found", what)


def bad_parameter(operation: str, field: str, tag: str) -> Refusal:
    """Return the refusal of a query parameter, in the bare shape."""
    text = (
        f"Parameter validation failed for {operation}: Key: '{operation}Params.{field}' "
        f"Error:Field validation for '{field}' failed on the '{tag}' tag"
    )
    return Refusal(400, "", text, shape="bare")


def bad_body(details: str) -> Refusal:
    """Return the refusal of a body that isn't what it should be, in the flat shape."""
    return Refusal(400, "bad_request", details, shape="flat")


def too_many_requests() -> Refusal:
    """Return the refusal of the rate limit: no code, no headers."""
    return Refusal(429, "too many requests", shape="words")
