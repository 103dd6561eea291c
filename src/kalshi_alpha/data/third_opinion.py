"""What somebody else's prices say of an index's level: never used as a value, only to be more careful.

    agrees --apart for widen_s--> widen --apart for stand_down_s in all--> stand_down
       ^                            |                                        |
       '---- in agreement three times in a row, or nothing heard for a minute'

*Apart* is further from our level than the opinion's own uncertainty and a tolerance. Both legs of the feed are one vendor's; this is the
only thing here that would notice when both are wrong in the same way.
"""

from typing import Final, Literal

from kalshi_alpha.model.clock import NS_PER_S

AGREEMENTS: Final = 3
KEPT_NS: Final = 60 * NS_PER_S
"""An opinion that isn't renewed within this time is none."""

State = Literal["agrees", "widen", "stand_down"]


class ThirdOpinion:
    """The opinion on one index. Pure: time is an argument."""

    __slots__ = ("_agreements", "_apart_since_ns", "_heard_ns", "_stand_down_ns", "_tolerance", "_widen_ns", "gap", "state")

    def __init__(self, tolerance: float, widen_ns: int, stand_down_ns: int) -> None:
        """Start in agreement.

        Args:
            tolerance: How far apart the levels may be beyond the opinion's own uncertainty, as a share of the level.
            widen_ns: How long they must be apart before quotes widen.
            stand_down_ns: And before they are pulled.

        """
        self.state: State = "agrees"
        self.gap = 0.0
        """How far apart the levels are, as a share of ours; 0 while they agree."""
        self._tolerance, self._widen_ns, self._stand_down_ns = tolerance, widen_ns, stand_down_ns
        self._apart_since_ns: int | None = None
        self._heard_ns = 0
        self._agreements = 0

    def heard(self, ours: float, level: float, half_width: float, mono_ns: int) -> None:
        """Take an opinion.

        Args:
            ours: Our level, index points.
            level: Theirs.
            half_width: Theirs is uncertain by this much to either side, index points.
            mono_ns: The instant.

        """
        self._heard_ns = mono_ns
        gap = abs(level / ours - 1.0)
        if gap <= half_width / ours + self._tolerance:
            self._agreements += 1
            if self._agreements >= AGREEMENTS or self.state == "agrees":
                self._agree()
            return
        self._agreements = 0
        if self._apart_since_ns is None:
            self._apart_since_ns = mono_ns
        apart_ns = mono_ns - self._apart_since_ns
        if apart_ns >= self._stand_down_ns:
            self.state = "stand_down"
        elif apart_ns >= self._widen_ns and self.state == "agrees":
            self.state = "widen"
        self.gap = gap if self.state != "agrees" else 0.0

    def missing(self, mono_ns: int) -> None:
        """Learn that there is no opinion now: the last one is kept for a while."""
        if mono_ns - self._heard_ns > KEPT_NS:
            self._agree()

    def _agree(self) -> None:
        self.state, self.gap, self._apart_since_ns, self._agreements = "agrees", 0.0, None, 0
