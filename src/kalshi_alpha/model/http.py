"""One HTTP exchange as values, so that the same codec serves real sockets and simulated time."""

import msgspec


class HttpRequest(msgspec.Struct, frozen=True):
    """A request relative to the API's root."""

    method: str
    path: str
    """Below the base address, with a leading slash: ``/portfolio/events/orders``."""
    query: str = ""
    """Encoded, without ``?``."""
    body: bytes = b""


class HttpResponse(msgspec.Struct, frozen=True):
    """An answer, or none: status 0 means that the outcome is unknown (time-out, connection lost)."""

    status: int
    body: bytes
    reason: str = ""
    """Why there is no answer, when status is 0."""
    date: str = ""
    """When the server itself made the answer, as its ``Date`` header says; empty: not told, or told by a cache."""
