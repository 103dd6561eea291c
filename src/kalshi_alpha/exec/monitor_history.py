"""Which states of the monitors are worth a line of history: one a minute, and one at each change of a status or of the active feed."""

from kalshi_alpha.exec.monitors import EvGapDocument, FreshnessDocument
from kalshi_alpha.model.monitor_line import MonitorLine


class MonitorHistory:
    """Remembers the last line's minute and statuses."""

    def __init__(self) -> None:
        """Start with nothing told: the first state is always worth a line."""
        self._told: tuple[str, ...] = ()

    def line(self, fresh: FreshnessDocument, gap: EvGapDocument) -> MonitorLine | None:
        """Return this instant's line; None: nothing new since the last one of this minute. Both documents are of the same instant."""
        minute = fresh.generated_at[: len("2026-11-23T14:45")]
        telling = (minute, fresh.status, gap.status, fresh.active_feed)
        if telling == self._told:
            return None
        self._told = telling
        feed = fresh.dual_feed
        return MonitorLine(
            at=fresh.generated_at,
            status=fresh.status,
            message=fresh.message,
            active_feed=fresh.active_feed,
            feed_state=feed.state if feed else "",
            required_feeds_ok=fresh.required_feeds_ok,
            stale_feeds=fresh.stale_feeds,
            primary_age_ms=feed.primary_age_ms if feed else None,
            secondary_age_ms=feed.secondary_age_ms if feed else None,
            windows_degraded=feed.windows_degraded if feed else 0,
            ev_status=gap.status,
            max_delta_usd=gap.max_delta_usd,
            sample_size=gap.sample_size,
        )
