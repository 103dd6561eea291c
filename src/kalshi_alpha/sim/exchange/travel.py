"""What a network between client and venue adds: half a round trip each way, and two more for the handshakes of a new connection.

Loopback has none of it; a restart measured there says little of one across a continent. Times are the machine's own: a network isn't
faster in a simulated day that is.
"""

import asyncio
from typing import Final
from weakref import WeakSet

from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.model.clock import NS_PER_MS

ROUND_TRIP_MS_MAX: Final = 10_000
_HANDSHAKES: Final = 2
"""Round trips before the first request of a connection: TCP's, and that of TLS 1.3."""


class Travel:
    """The way to one venue and back, as long for everybody."""

    def __init__(self, round_trip_ms: float) -> None:
        self._clock = SystemClock()
        self._way_ns = int(round_trip_ms * NS_PER_MS / 2)
        self._known: WeakSet[asyncio.BaseTransport] = WeakSet()

    def arrival_ns(self) -> int:
        """Return when what is sent now arrives at the other end, on the machine's monotonic clock."""
        return self._clock.now().mono_ns + self._way_ns if self._way_ns else 0

    async def until(self, mono_ns: int) -> None:
        """Wait for an arrival."""
        wait_s = self._clock.real_seconds_until(mono_ns) if mono_ns else 0.0
        if wait_s > 0.0:
            arrived = asyncio.Event()
            asyncio.get_running_loop().call_later(wait_s, arrived.set)
            await arrived.wait()

    async def one_way(self) -> None:
        """Wait as long as something travels to the other end."""
        await self.until(self.arrival_ns())

    async def handshake(self, transport: asyncio.BaseTransport | None) -> None:
        """Wait as long as the making of a connection takes, at its first request."""
        if not self._way_ns or transport is None or transport in self._known:
            return
        self._known.add(transport)
        for _ in range(2 * _HANDSHAKES):
            await self.one_way()
