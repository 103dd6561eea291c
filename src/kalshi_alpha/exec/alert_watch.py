"""Alerts in the engine: raised once a cause, repeated on a schedule until somebody acknowledges, closed by themselves, kept over restarts.

No alert says what another says: while no leg serves, that the feeds flap or were degraded is left unsaid. In an expected maintenance
nothing about feeds and venue is raised or closed.
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from kalshi_alpha.exec.alert_causes import HOLD_S, Cause, causes
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.handlers import Table, behind
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.alerts import AlertMessage, OpenAlert, Severity
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import SendAlert
from kalshi_alpha.model.instruments import Leg
from kalshi_alpha.model.records import AlertAcknowledged, AlertClosed, AlertRaised

LOOK_S: Final = 1.0
CLOSE_AFTER_S: Final = 10.0
"""A cause must be gone for so long."""
REFUSALS: Final = {
    "auth_failed": "the key is refused: the leg has stopped for good",
    "max_connections": "somebody else uses this account's connection: trying again in a minute",
}
"""What a leg can be told that no waiting mends."""
UNSAID: Final = {"feed_flapping": "both_feeds", "feed_degraded": "both_feeds", "feeds_disagree": "both_feeds",
                "feeds_unconfirmed": "both_feeds"}  # fmt: skip
"""Alert -> the one that says it already."""
OF_SILENCE: Final = frozenset(
    {"both_feeds", "feeds_missing", "feed_degraded", "feed_flapping", "feeds_disagree", "feeds_implied", "venue", "venue_status"}
)

More = Callable[[Now], dict[str, Cause]]
"""Causes that others know of."""


class AlertWatch:
    """Keeps the open alerts."""

    def __init__(self, facts: EngineFacts, more: Sequence[More]) -> None:
        self._facts = facts
        self._more = tuple(more)
        self._open: dict[str, OpenAlert] = {}
        self._since_ns: dict[str, int] = {}
        """Cause -> since when (monotonic) it has held."""
        self._gone_ns: dict[str, int] = {}
        """Open alert -> since when its cause is gone."""
        self._refused: dict[Leg, str] = {}
        config = facts.config.alerts
        self._repeat_ns: dict[Severity, int] = {
            "page": config.repeat_page_s * NS_PER_S,
            "ticket": config.repeat_ticket_s * NS_PER_S,
        }

    # The engine's side

    def wrap(self, table: Table) -> Table:
        """Return the engine's handlers with ours behind them."""
        ours: Table = {
            ev.Booted: lambda _event, now: self._facts.after("alerts", 0.0, now),
            ev.FeedWarned: self._warned,
            ev.FeedConnected: self._connected,
            ev.AlertAcked: self._acked,
        }
        return behind(table, ours)

    def act(self, now: Now) -> None:
        """Look when it is time to."""
        if self._facts.due("alerts", now):
            self._facts.after("alerts", LOOK_S, now)
            self.look(now)

    @property
    def open(self) -> tuple[OpenAlert, ...]:
        """The open alerts, oldest first."""
        return tuple(self._open.values())

    def restore(self, alerts: Sequence[OpenAlert]) -> None:
        """Take over what an earlier process had open."""
        self._open = {alert.key: alert for alert in alerts}

    # Facts

    def _warned(self, event: ev.FeedWarned, _now: Now) -> None:
        if event.status in REFUSALS:
            self._refused[event.leg] = event.status

    def _connected(self, event: ev.FeedConnected, _now: Now) -> None:
        self._refused.pop(event.leg, None)

    def _acked(self, event: ev.AlertAcked, now: Now) -> None:
        alert = self._open.get(event.key)
        if alert is not None and not alert.acknowledged_by:
            self._open[event.key] = replace(alert, acknowledged_by=event.actor)
            self._facts.record(AlertAcknowledged(now.utc_ns, event.key, event.actor), sync=True)

    # Looking

    def look(self, now: Now) -> None:
        """Raise, repeat and close."""
        found = self._causes(now)
        silent = OF_SILENCE if self._facts.venue.silence_expected else frozenset()
        self._since_ns = {key: since_ns for key, since_ns in self._since_ns.items() if key in found}
        for key, cause in found.items():
            held_ns = now.mono_ns - self._since_ns.setdefault(key, now.mono_ns)
            if key not in self._open and key not in silent and held_ns >= HOLD_S.get(key, 0.0) * NS_PER_S:
                self._raise(key, cause, now)
        for alert in self.open:
            if alert.key in silent or alert.key in found:
                self._gone_ns.pop(alert.key, None)
                if alert.key not in silent:
                    self._repeat(alert, now)
            elif now.mono_ns - self._gone_ns.setdefault(alert.key, now.mono_ns) >= CLOSE_AFTER_S * NS_PER_S:
                self._close(alert, now)

    def _causes(self, now: Now) -> dict[str, Cause]:
        found = causes(self._facts, now)
        for leg, status in self._refused.items():
            found[f"refused_{leg}"] = Cause("page", f"{leg}_ws: {status}", REFUSALS[status])
        for more in self._more:
            found |= more(now)
        return {key: cause for key, cause in found.items() if UNSAID.get(key) not in found}

    def _raise(self, key: str, cause: Cause, now: Now) -> None:
        alert = OpenAlert(key, cause.severity, cause.title, cause.text, now.utc_ns, now.utc_ns)
        self._open[key] = alert
        self._facts.record(AlertRaised(now.utc_ns, alert), sync=True)
        self._send(alert, "raised", now)

    def _repeat(self, alert: OpenAlert, now: Now) -> None:
        every_ns = self._repeat_ns.get(alert.severity)
        if every_ns is not None and not alert.acknowledged_by and now.utc_ns - alert.told_ns >= every_ns:
            self._open[alert.key] = replace(alert, told_ns=now.utc_ns)
            self._send(alert, "repeated", now)

    def _close(self, alert: OpenAlert, now: Now) -> None:
        del self._open[alert.key], self._gone_ns[alert.key]
        self._facts.record(AlertClosed(now.utc_ns, alert.key))
        self._send(alert, "closed", now)

    def _send(self, alert: OpenAlert, what: str, now: Now) -> None:
        alert_id = f"{alert.key}-{alert.opened_ns // NS_PER_S}"
        message = AlertMessage(alert_id, what, alert.severity, alert.title, alert.text, now.utc_ns)  # type: ignore[arg-type]  # one of three
        self._facts.out.append(SendAlert(message))
