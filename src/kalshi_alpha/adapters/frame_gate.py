"""What a stream's frames keep to before anybody reads them: no deeper, no faster, no more in all than any honest far end sends.

A frame's own size is the socket's affair. The rate is a bucket: what a reader that stood still for seconds finds waiting still passes.
"""

from typing import Final

from kalshi_alpha.adapters.json_depth import nesting_refusal
from kalshi_alpha.model.clock import NS_PER_S, Now

FRAMES_PER_S: Final = 5_000
"""Twice what is measured to be read without falling behind; the feed sends two a second, the venue some hundreds at the worst."""
FRAMES_AT_ONCE: Final = 20_000
FRAME_BYTES: Final = 4_096
"""A longer frame counts as several."""
_FRAME_NS: Final = NS_PER_S // FRAMES_PER_S
_AT_ONCE_NS: Final = FRAMES_AT_ONCE * _FRAME_NS


class FrameGate:
    """Judges the frames of one connection."""

    def __init__(self) -> None:
        self._paid_ns = -_AT_ONCE_NS
        """Up to when the frames so far have used up the rate, on the monotonic clock."""

    def refusal(self, frame: str | bytes, now: Now) -> str | None:
        """Return why the frame is refused, and its connection with it; None: it may be read."""
        cost_ns = (1 + len(frame) // FRAME_BYTES) * _FRAME_NS
        self._paid_ns = max(self._paid_ns, now.mono_ns - _AT_ONCE_NS) + cost_ns
        if self._paid_ns > now.mono_ns:
            return f"more than {FRAMES_PER_S} frames a second"
        return nesting_refusal(frame)
