"""A further leg of the feed: a witness. Its values are held against the pair's at the same event time and are never quoted from.

It breaks the tie between two legs that disagree, speaks for or against one that is alone, and, when it contradicts both for long enough,
widens and then pulls the quotes, as the venue's own ladder does (``third_opinion``). A leg of another vendor is the only one of these
that is there in the first minute and at every level.

One that is late, or repeats itself for as long as makes a leg of the pair frozen, says nothing. Each value waits until the next one has
come: by then both legs have had their time to bring theirs.
"""

from typing import Final

from kalshi_alpha.config import FeedsConfig, FurtherLegConfig
from kalshi_alpha.data.flap_damping import FlapDamping, damping_ns
from kalshi_alpha.data.leg_health import SAME_LEVEL, LegSymbol
from kalshi_alpha.data.third_opinion import ThirdOpinion
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.instruments import SYMBOLS, Symbol

BP: Final = 1e-4


class FurtherLeg:
    """Its freshness and its opinion of each index. Pure: time is an argument."""

    def __init__(self, config: FurtherLegConfig, feeds: FeedsConfig) -> None:
        """Start with nothing heard.

        Args:
            config: Whose it is, and how far its values may differ.
            feeds: The limits it has in common with the others.

        """
        self.config = config
        widen_ns, stand_down_ns = (int(s * NS_PER_S) for s in (feeds.implied_widen_s, feeds.implied_stand_down_s))
        self._frozen_ns = int(feeds.frozen_s * NS_PER_S)
        self.is_connected = False
        self.legs = {symbol: LegSymbol(config.slo_ms, FlapDamping(*damping_ns(feeds))) for symbol in SYMBOLS}
        self.opinions = {symbol: ThirdOpinion(config.tolerance_bp * BP, widen_ns, stand_down_ns) for symbol in SYMBOLS}
        self._waiting: dict[Symbol, tuple[float, int]] = {}

    def arrived(self, symbol: Symbol, level: float, event_ms: int, now: Now) -> tuple[float, int] | None:
        """Take a value; return the one before it (index points, event time in Unix ms), if it is of now and can be held against others."""
        leg = self.legs[symbol]
        if leg.arrived(level, event_ms, now) != "taken":
            return None
        ready = self._waiting.get(symbol)
        if not leg.is_usable(now.mono_ns) or now.mono_ns - leg.still_since_ns >= self._frozen_ns:
            self._waiting.pop(symbol, None)
            return None
        self._waiting[symbol] = (level, event_ms)
        return ready

    def compared(self, symbol: Symbol, level: float, known: list[float], now: Now) -> None:
        """Hold a value against those that the pair's legs had at its event time; one that agrees is enough."""
        nearest = min(known, key=lambda ours: abs(ours - level))
        self.opinions[symbol].heard(nearest, level, SAME_LEVEL, now.mono_ns)

    def look(self, now: Now) -> None:
        """Let silence count: an opinion that isn't renewed is none."""
        for opinion in self.opinions.values():
            opinion.missing(now.mono_ns)

    def tolerance(self, level: float) -> float:
        """Return by how much its values may differ at a level, index points."""
        return max(SAME_LEVEL, self.config.tolerance_bp * BP * level)
