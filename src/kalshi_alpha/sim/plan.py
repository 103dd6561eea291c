"""The demo's shared time: fast through the windows, jumping over the gaps between them."""

from collections.abc import Sequence
from typing import Final

from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Window

LEAD_S: Final = 75
TAIL_S: Final = 6
SETTLE_AFTER_S: Final = 120
SETTLE_S: Final = 60


def clock_plan(windows: Sequence[Window], speed: float, start_real_ns: int) -> ClockPlan:
    """Return the plan: each window with a lead and a tail at ``speed``, then the settlement.

    Args:
        windows: In order of time; overlapping ones are played through.
        speed: Simulated seconds per real second.
        start_real_ns: CLOCK_MONOTONIC of the first moment; until then the first instant stands still.

    """
    spans: list[tuple[int, int]] = []
    for window in windows:
        begin_ns, end_ns = window.start_ns - LEAD_S * NS_PER_S, window.target_ns + TAIL_S * NS_PER_S
        if spans and begin_ns <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end_ns, spans[-1][1]))
        else:
            spans.append((begin_ns, end_ns))
    last_ns = windows[-1].target_ns
    spans.append((last_ns + SETTLE_AFTER_S * NS_PER_S, last_ns + (SETTLE_AFTER_S + SETTLE_S) * NS_PER_S))
    segments: list[ClockSegment] = []
    real_ns = start_real_ns
    for begin_ns, end_ns in spans:
        segments.append(ClockSegment(real_ns, begin_ns, speed))
        real_ns += int((end_ns - begin_ns) / speed)
    return ClockPlan(tuple(segments))


def end_real_ns(plan: ClockPlan) -> int:
    """Return when the plan's last span is over, CLOCK_MONOTONIC."""
    last = plan.segments[-1]
    return last.real_ns + int(SETTLE_S * NS_PER_S / last.speed)
