"""One line of the monitors' history."""

import msgspec


class MonitorLine(msgspec.Struct, frozen=True):
    """What both monitors said at one instant."""

    at: str
    status: str
    message: str
    active_feed: str
    feed_state: str
    required_feeds_ok: bool
    stale_feeds: tuple[str, ...]
    primary_age_ms: int | None
    secondary_age_ms: int | None
    windows_degraded: int
    ev_status: str
    max_delta_usd: float
    sample_size: int
