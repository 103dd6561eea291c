"""The venue's rate limit as we count it: a bucket of tokens that refills steadily.

Exact integers: one token is 10^9 units, so a rate in tokens a second is the same number of units a nanosecond.
"""

from kalshi_alpha.model.clock import NS_PER_S


class TokenBucket:
    """Full at first. What is taken is always granted: whoever takes asks ``available`` before, and a cancel may go into debt."""

    __slots__ = ("_at_ns", "_capacity", "_rate", "_units")

    def __init__(self, rate_per_s: int, capacity: int) -> None:
        if rate_per_s <= 0 or capacity <= 0:
            message = f"rate and capacity must be positive: {rate_per_s}, {capacity}"
            raise ValueError(message)
        self._rate = rate_per_s
        self._capacity = capacity * NS_PER_S
        self._units = self._capacity
        self._at_ns: int | None = None

    def available(self, now_mono_ns: int) -> int:
        """Return the whole tokens in the bucket; negative while in debt."""
        self._refill(now_mono_ns)
        return self._units // NS_PER_S

    def take(self, cost: int, now_mono_ns: int) -> None:
        """Take tokens, into debt if there aren't enough."""
        self._refill(now_mono_ns)
        self._units -= cost * NS_PER_S

    def ready_at_ns(self, cost: int, now_mono_ns: int) -> int:
        """Return the earliest monotonic time, not before now, at which ``cost`` tokens are available.

        Raises:
            ValueError: the bucket never holds that many.

        """
        if cost * NS_PER_S > self._capacity:
            message = f"{cost} tokens never fit a bucket of {self._capacity // NS_PER_S}"
            raise ValueError(message)
        self._refill(now_mono_ns)
        missing = max(0, cost * NS_PER_S - self._units)
        return now_mono_ns - (-missing // self._rate)

    def _refill(self, now_mono_ns: int) -> None:
        if self._at_ns is not None and now_mono_ns > self._at_ns:
            self._units = min(self._capacity, self._units + (now_mono_ns - self._at_ns) * self._rate)
        if self._at_ns is None or now_mono_ns > self._at_ns:
            self._at_ns = now_mono_ns
