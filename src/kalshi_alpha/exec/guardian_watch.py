"""What the guardian makes of the trading process's signs of life. Pure.

A sign counts by its age on the machine's clock alone. Missing, unreadable, from the future or old: silence goes on from the last good one.
"""

from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.guardian import Heartbeat


class EngineWatch:
    """The last signs of life, and what they said."""

    def __init__(self, now: Now, silent_s: float) -> None:
        """Count silence from now until the first sign."""
        self._silent_ns = int(silent_s * NS_PER_S)
        self._trouble = "missing"
        self.alive_mono_ns = now.mono_ns
        """When the last good sign was given (machine)."""
        self.alive_utc_ns = now.utc_ns
        """The same by the clock that is traded by."""
        self.groups: tuple[str, ...] = ()
        """The order groups that the last good sign named, oldest first."""
        self.latches: tuple[str, ...] = ()
        self.latched_ns: int | None = None
        """Since when (UTC) there has been a latch without a break."""
        self.closed_ns: int | None = None
        """From when on (UTC) nothing of the engine's may rest, by its own word; it holds until ``alive_utc_ns``."""
        self._was_closed = False

    def learn(self, sign: Heartbeat | str, now: Now) -> None:
        """Take a look's result: a sign of life, or why there is none."""
        if isinstance(sign, str):
            self._trouble = sign
        elif sign.mono_ns > now.mono_ns:
            self._trouble = "from the future"
        else:
            self._trouble = ""
            self._take(sign)

    def silence_ns(self, now: Now) -> int:
        """Return the real time since the last good sign."""
        return now.mono_ns - self.alive_mono_ns

    def is_silent(self, now: Now) -> bool:
        """Whether the silence has lasted too long."""
        return self.silence_ns(now) >= self._silent_ns

    def verdict(self, now: Now) -> str:
        """Return ``alive``, or what is wrong."""
        if not self.is_silent(now):
            return "alive" if not self._trouble else self._trouble
        return self._trouble or "silent"

    def _take(self, sign: Heartbeat) -> None:
        self.alive_mono_ns, self.alive_utc_ns, self.groups = sign.mono_ns, sign.utc_ns, sign.groups
        if not sign.latches:
            self.latched_ns = None
        elif self.latched_ns is None:
            self.latched_ns = sign.utc_ns
        self.latches = sign.latches
        if sign.freeze_ns:
            self.closed_ns = sign.freeze_ns
        elif not self._was_closed:
            self.closed_ns = sign.utc_ns
        self._was_closed = not sign.freeze_ns
