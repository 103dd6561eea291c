"""Two legs played into the failover, tick by tick, with a decision whenever one is due."""

from kalshi_alpha.config import FeedLegConfig, FeedsConfig, FurtherLegConfig
from kalshi_alpha.data.failover import DualFeedFailover, FeedSwitch
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import SYMBOLS, Leg, Symbol

START_MS = 1_795_444_200_000  # 2026-11-23 09:30:00 in New York
OPEN_NS = START_MS * 1_000_000
MONO_NS = 77_000_000_000_000  # unlike the UTC clock, so that mixing the two shows
LEVELS: dict[Symbol, float] = {"I:SPX": 6_850.0, "I:NDX": 25_300.0}


def leg_config(slo_ms: int) -> FeedLegConfig:
    return FeedLegConfig(url="wss://127.0.0.1/indices", api_key_file="-", slo_ms=slo_ms)


def at(seconds: float) -> Now:
    ms = round(seconds * 1_000)
    return Now(utc_ns=(START_MS + ms) * 1_000_000, mono_ns=MONO_NS + ms * 1_000_000)


class Feeds:
    """A failover whose timer is obeyed."""

    def __init__(self, polygon_slo_ms: int = 2_000, dwell_s: float = 5.0, further: FurtherLegConfig | None = None) -> None:
        config = FeedsConfig(
            polygon=leg_config(polygon_slo_ms), massive=leg_config(2_000), dwell_s=dwell_s, further={"backup": further} if further else {}
        )
        self.failover = DualFeedFailover(config)
        self.switches: list[tuple[float, str, str]] = []
        """(when, symbol, who serves), as decided."""
        self.emitted: list[tuple[str, int, float]] = []
        """(symbol, event time in ms from the start, level) of every advance of the merged values."""

    def tick(self, leg: Leg, symbol: Symbol, seconds: float, level: float | None = None, stamp_s: float | None = None) -> bool:
        """Bring one value at ``seconds``; by default stamped so, with the level of that second."""
        self.wait(seconds)
        stamp_ms = round((seconds if stamp_s is None else stamp_s) * 1_000)
        value = LEVELS[symbol] + 50 - abs(stamp_ms // 1_000 % 100 - 50) if level is None else level
        advanced = self.failover.ingest(IndexTicked(leg, symbol, value, START_MS + stamp_ms), at(seconds))
        if advanced:
            self.emitted.append((symbol, stamp_ms, value))
        self._judge(seconds)
        return advanced

    def both_symbols(self, leg: Leg, seconds: float, stamp_s: float | None = None) -> None:
        for symbol in SYMBOLS:
            self.tick(leg, symbol, seconds, stamp_s=stamp_s)

    def run(self, legs: tuple[Leg, ...], first_s: int, last_s: int) -> None:
        """Let these legs deliver both symbols each second of [first_s, last_s], 30 ms after the stamp."""
        for second in range(first_s, last_s + 1):
            for leg in legs:
                self.both_symbols(leg, second + 0.03, second)

    def wait(self, seconds: float) -> None:
        """Let time pass until just before ``seconds``, obeying the timer."""
        until_ns = at(seconds).mono_ns
        while (due_ns := self.failover.next_deadline_ns()) is not None and due_ns < until_ns:
            self._judge((due_ns - MONO_NS) / 1e9, Now(utc_ns=at(0).utc_ns + due_ns - MONO_NS, mono_ns=due_ns))

    def active_at(self, seconds: float) -> str:
        self.wait(seconds)
        self._judge(seconds)
        return self.failover.active

    def overall(self) -> list[tuple[float, str]]:
        return [(round(seconds, 3), active) for seconds, symbol, active in self.switches if symbol == ""]

    def _judge(self, seconds: float, now: Now | None = None) -> None:
        found: tuple[FeedSwitch, ...] = self.failover.evaluate(now or at(seconds))
        self.switches += [(seconds, switch.symbol, switch.active) for switch in found]
