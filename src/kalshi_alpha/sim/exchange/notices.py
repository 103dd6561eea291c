"""What the venue says of itself: its status, by shard, and its schedule. A script can make either lie."""

from collections.abc import Sequence
from datetime import date, time
from typing import Final

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sched.calendar import et_instant_ns
from kalshi_alpha.sim.exchange.config import FaultLike
from kalshi_alpha.sim.exchange.faults import VENUE_KINDS
from kalshi_alpha.sim.exchange.venue import Venue
from kalshi_alpha.sim.exchange.wire import time_text

Answer = dict[str, object]
SHARDS: Final = ("default", "combos", "crypto and commodities", "tennis, baseball and basketball")
_THURSDAY: Final = 3
_WHOLE_DAY: Final = ({"open_time": "00:00", "close_time": "00:00"},)
_AROUND_PAUSE: Final = ({"open_time": "00:00", "close_time": "03:00"}, {"open_time": "05:00", "close_time": "00:00"})
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_OK: Final = 200
_UNAVAILABLE: Final = 503


def weekly_pause(day: str) -> list[tuple[int, int]]:
    """Return the weekly pause of an ISO date in New York, if that is its day."""
    found = date.fromisoformat(day)
    return [(et_instant_ns(found, time(3)), et_instant_ns(found, time(5)))] if found.weekday() == _THURSDAY else []


class Notices:
    """Answers ``/exchange/status`` and ``/exchange/schedule``."""

    def __init__(self, venue: Venue, faults: Sequence[FaultLike]) -> None:
        self._venue = venue
        self._faults = faults

    def status_code(self, utc_ns: int) -> int:
        """Return the HTTP status under which the status is told: the body is the same."""
        return _UNAVAILABLE if self._present(utc_ns, "status_503") else _OK

    def status(self) -> Answer:
        """Return the exchange's status; the top level speaks for shard 0."""
        now_ns = self._venue.now_ns
        paused = self._present(now_ns, *VENUE_KINDS)
        top = _activity(self._venue.exchange_active, self._venue.trading_active)
        shards: list[Answer] = []
        for number, name in enumerate(SHARDS):
            own = {fault.kind for fault in paused if fault.params.get("shard") == number}
            activity = _activity("exchange_pause" not in own, not own) if number else top
            shards.append({"exchange_index": number, "description": name, **activity})
        resume = [fault.params["resume_s"] for fault in paused if "resume_s" in fault.params and "shard" not in fault.params]
        estimate: Answer = {"exchange_estimated_resume_time": time_text(int(resume[0]) * NS_PER_S)} if resume else {}
        return {**top, **estimate, "exchange_index_statuses": shards}

    def schedule(self) -> Answer:
        """Return the venue's hours, with the weekly pause as a gap, and what it lists as maintenance."""
        now_ns = self._venue.now_ns
        week: Answer = dict.fromkeys(_DAYS, _WHOLE_DAY)
        if not self._present(now_ns, "unlisted_pause"):
            week["thursday"] = _AROUND_PAUSE
        week |= {"start_time": "2026-01-01T05:00:00Z", "end_time": "2028-12-31T05:00:00Z"}
        windows = [
            {
                "start_datetime": time_text(int(fault.params["start_s"]) * NS_PER_S),
                "end_datetime": time_text(int(fault.params["end_s"]) * NS_PER_S),
            }
            for fault in self._present(now_ns, "listed_window")
        ]
        return {"schedule": {"standard_hours": [week], "maintenance_windows": windows}}

    def _present(self, utc_ns: int, *kinds: str) -> list[FaultLike]:
        return [fault for fault in self._faults if fault.kind in kinds and fault.from_ns <= utc_ns < fault.to_ns]


def _activity(exchange: bool, trading: bool) -> Answer:
    return {"exchange_active": exchange, "trading_active": trading, "intra_exchange_transfers_active": exchange}
