"""What is kept of a drill."""

import msgspec


class DrillRecord(msgspec.Struct, frozen=True):
    """What was injected, what was measured, pass or fail."""

    drill: str
    at_utc: str
    runs: int
    passed: bool
    p50_s: float | None
    p99_s: float | None
    max_s: float | None
    limit_p99_s: float
    round_trip_ms: int
    failures: tuple[str, ...]
    times_s: tuple[float, ...]
    injected: str
