"""What the operator is told when something needs them: one alert a cause."""

from typing import Literal

import msgspec

Severity = Literal["page", "ticket", "info"]
"""Somebody must look at once; within the day; at some time."""


class OpenAlert(msgspec.Struct, frozen=True):
    """A cause that holds."""

    key: str
    """Of the cause: the same for as long as it is the same, over restarts too."""
    severity: Severity
    title: str
    text: str
    opened_ns: int
    told_ns: int
    """When it was told last (UTC)."""
    acknowledged_by: str = ""


class AlertMessage(msgspec.Struct, frozen=True):
    """One message to the operator."""

    alert_id: str
    """The same for every repetition: key and opening."""
    what: Literal["raised", "repeated", "closed"]
    severity: Severity
    title: str
    text: str
    utc_ns: int
