"""The rate limits: two token buckets an account by tier, a bucket of its own for the balance, and what each call costs."""

from typing import Final

from kalshi_alpha.data.token_bucket import TokenBucket
from kalshi_alpha.sim.exchange.errors import too_many_requests

DEFAULT_COST: Final = 10
CANCEL_COST: Final = 2
_ORDERS: Final = "/portfolio/events/orders"
_PREFIX: Final = "/trade-api/v2"

# Tier -> read tokens a second, read seconds held, write tokens a second, write seconds held.
TIERS: Final[dict[str, tuple[int, int, int, int]]] = {
    "basic": (200, 3, 100, 1),
    "advanced": (300, 3, 300, 3),
    "expert": (600, 1, 600, 3),
    "premier": (1_200, 1, 1_200, 3),
    "paragon": (2_400, 1, 2_400, 3),
    "prime": (4_800, 1, 4_800, 3),
    "prestige": (12_000, 1, 9_600, 3),
}
_SLOW_BALANCE: Final = ("basic", "advanced")

ENDPOINT_COSTS: Final[list[dict[str, object]]] = [
    {"method": "DELETE", "path": f"{_PREFIX}{_ORDERS}", "cost": CANCEL_COST},
    {"method": "DELETE", "path": f"{_PREFIX}{_ORDERS}/batched", "cost": CANCEL_COST},
    {"method": "DELETE", "path": f"{_PREFIX}{_ORDERS}/:order_id", "cost": CANCEL_COST},
    {"method": "GET", "path": f"{_PREFIX}/portfolio/orders/:order_id", "cost": CANCEL_COST},
]


class RateLimits:
    """The buckets of one account."""

    def __init__(self, tier: str) -> None:
        read, read_s, write, write_s = TIERS[tier]
        self.tier = tier
        self.write_tokens_taken = 0
        self._read = TokenBucket(read, read * read_s)
        self._write = TokenBucket(write, write * write_s)
        balance = 1 if tier in _SLOW_BALANCE else 5
        self._balance = TokenBucket(balance, balance)

    def charge_read(self, path: str, utc_ns: int) -> None:
        """Pay for a read.

        Raises:
            Refusal: not enough tokens; nothing is taken.

        """
        if path == "/portfolio/balance":
            self._take(self._balance, 1, utc_ns)
            return
        one_order = path.startswith("/portfolio/orders/") and path.count("/") == 3 and not path.endswith("/queue_positions")  # noqa: PLR2004
        self._take(self._read, CANCEL_COST if one_order else DEFAULT_COST, utc_ns)

    def charge_write(self, cost: int, utc_ns: int) -> None:
        """Pay for a write: a batch as a whole or not at all.

        Raises:
            Refusal: not enough tokens; nothing is taken.

        """
        self._take(self._write, cost, utc_ns)
        self.write_tokens_taken += cost

    def document(self) -> dict[str, object]:
        """Return the limits as the account reads them."""
        read, read_s, write, write_s = TIERS[self.tier]
        return {
            "usage_tier": self.tier,
            "read": {"refill_rate": read, "bucket_capacity": read * read_s},
            "write": {"refill_rate": write, "bucket_capacity": write * write_s},
            "grants": [],
        }

    @staticmethod
    def _take(bucket: TokenBucket, cost: int, utc_ns: int) -> None:
        if bucket.available(utc_ns) < cost:
            raise too_many_requests()
        bucket.take(cost, utc_ns)
