"""What a journal alone can tell of a day."""

from collections.abc import Sequence

from kalshi_alpha.exec.ev_gap import EvGapMonitor
from kalshi_alpha.model.records import OrderIntended, Record
from kalshi_alpha.pricing.fees import FeeSchedule


def ev_gap_usd(records: Sequence[Record]) -> float:
    """Return the largest difference between a quote's recorded EV and the one worked out again from its journalled inputs."""
    monitor, fees = EvGapMonitor(), FeeSchedule.of("quadratic", 1.0)
    for record in records:
        if isinstance(record, OrderIntended):
            monitor.observe(record.intent, fees)
    return monitor.max_delta_usd
