"""When to connect again: full jitter, so that a restart of the far end isn't met by everybody at once."""

import random
from typing import Final

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now

_FIRST_NS: Final = 250 * NS_PER_MS
_GOOD_NS: Final = 10 * NS_PER_S
_DOUBLINGS_MAX: Final = 10


class Backoff:
    """Doubles the longest wait with each failure in a row, up to a cap; only 10 s of good connection start it over."""

    def __init__(self, seed: int, cap_s: int = 10) -> None:
        self._jitter = random.Random(seed)  # noqa: S311  # jitter, not a secret
        self._cap_ns = cap_s * NS_PER_S
        self._failures = 0
        self._good_since_ns: int | None = None
        self._at_ns = 0

    def connect_at_ns(self) -> int:
        """Return the monotonic time from which a connection may be tried."""
        return self._at_ns

    def ready(self, now: Now) -> None:
        """Note that the connection works; it counts as good once it has lasted 10 s."""
        if self._good_since_ns is None:
            self._good_since_ns = now.mono_ns

    def lost(self, now: Now, *, extra_s: float = 0.0, good_until_ns: int | None = None) -> None:
        """Note that the connection ended or failed.

        Args:
            now: When it ended.
            extra_s: Wait at least so long, where soon again makes no sense.
            good_until_ns: Until when (monotonic) it worked, if it was useless before it ended.

        """
        until_ns = now.mono_ns if good_until_ns is None else good_until_ns
        if self._good_since_ns is not None and until_ns - self._good_since_ns >= _GOOD_NS:
            self._failures = 0
        self._good_since_ns = None
        longest_ns = min(self._cap_ns, _FIRST_NS << min(self._failures, _DOUBLINGS_MAX))
        self._failures += 1
        self._at_ns = now.mono_ns + self._jitter.randrange(longest_ns + 1) + int(extra_s * NS_PER_S)
